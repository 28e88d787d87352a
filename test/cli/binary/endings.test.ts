import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { until, Workplace } from "../../support/command.ts";
import { helloFiles } from "../../support/command-workflows.ts";

test("a task that keeps the process busy does not keep the command from ending", async () => {
  const place = new Workplace({
    "busy.ts": `import { workflow } from "baton-dag";
      export default workflow("busy").task("t", () => {
        setInterval(() => {}, 1000);
        return "fine";
      });`,
  });
  const { code, json } = await place.process(["run", "busy", "--json"]);
  expect(code).toBe(0);
  expect(json.tasks[0]?.result).toBe("fine");
});

test.each([
  ["a file", "process.exit(0);\n"],
  [
    "a task",
    'import { workflow } from "baton-dag";\nexport default workflow("exits").task("t", () => process.exit(0));\n',
  ],
])("%s that ends the process does not end it with success", async (_, file) => {
  const place = new Workplace({ "exits.ts": file });
  const { code, json, stderr } = await place.process(["run", "exits", "--json"]);
  expect(code).toBe(1);
  expect(json.error).toMatchObject({ code: "STRAY_EXCEPTION" });
  expect(stderr).toContain("has called process.exit");
});

test("a file that never finishes loading is an error, not a success", async () => {
  const place = new Workplace({ "never.ts": "await new Promise(() => {});\n" });
  const { code, stderr } = await place.process(["workflows"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error WORKFLOW_FILE_FAILED: /);
});

test("a reader that closes the pipe early causes no error", async () => {
  const place = new Workplace(helloFiles);
  const running = place.spawn(["graph", "hello"]);
  running.child.stdout?.destroy();
  expect(await running.ended).toMatchObject({ code: 0, stderr: "" });
});

test("warnings of Google's client about missing credentials are muted, others are not", async () => {
  const metadata = createServer((_, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => metadata.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void metadata.close());
  const { port } = metadata.address() as AddressInfo;
  const files = {
    ...helloFiles,
    "warns.ts": `process.emitWarning("of a workflow", "OwnWarning");\n`,
  };
  const { stderr } = await new Workplace(files).process(["doctor"], {
    environment: {
      ...{ BATON_ENGINE: "gcp", BATON_PROJECT: "p", BATON_BUCKET: "bucket", BATON_LOCATION: "europe-west1" },
      ...{ GCE_METADATA_HOST: `127.0.0.1:${port}`, HOME: "/nowhere", CLOUDSDK_CONFIG: "/nowhere" },
    },
  });
  expect(stderr).toContain("OwnWarning: of a workflow");
  expect(stderr).not.toContain("MetadataLookupWarning");
});

test("all processes that a test has started end with the test, also their children", async () => {
  const place = new Workplace({});
  let pid = Number.NaN;
  // Runs last: what is registered first comes last.
  onTestFinished(() => until(() => !isAlive(pid)));
  const shell = place.spawn(["-c", "sleep 1000000 & echo $!; wait"], { program: "sh" });
  await shell.saysOut("\n");
  pid = Number(shell.stdout);
  expect(isAlive(pid)).toBe(true);
});

/** A process that was ended and that nothing has waited for yet is a zombie, whose command line is empty. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}
