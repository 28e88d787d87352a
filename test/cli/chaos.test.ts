import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";

const charge = `import { workflow } from "baton-dag";
export default workflow("charge").task("charge", async ({ signal }) => {
  await fetch("https://pay.example/charges", { method: "POST", body: "{}", signal });
  return "charged";
});
`;
const greet = `import { workflow } from "baton-dag";
import * as z from "zod";
export default workflow("greet", { input: z.object({ name: z.string() }) })
  .task("compose", ({ input }) => "Hello, " + input.name);
`;
const leak = `import { workflow } from "baton-dag";
import { memory } from "./lib/memory.ts";
export default workflow("leak")
  .task("set", () => { memory.value = 5; return 1; })
  .task("get", () => memory.value, { after: ["set"] });
`;

interface Report {
  readonly findings: readonly { readonly code: string; readonly taskId: string; readonly seed: number }[];
}

/** The report that the command has printed. */
function reportOf({ json }: { readonly json: unknown }): Report {
  return json as Report;
}

test("a mistake is printed with what to do, its story and its seed, and the exit code is 1", async () => {
  const place = new Workplace({ "charge.ts": charge });
  const { code, stdout } = await place.baton(["chaos", "charge", "--schedules", "60"]);
  expect(stdout).toContain("EFFECT_REPEATED in task charge: Task charge does this twice");
  expect(stdout).toContain("what to do: Pass `context.idempotencyKey` to the service");
  expect(stdout).toMatch(/fault: worker \d.* POST https:\/\/pay\.example\/charges/s);
  expect(code).toBe(1);
  const report = reportOf(await place.baton(["chaos", "charge", "--schedules", "60", "--json"]));
  const [found] = report.findings;
  expect(stdout).toContain(`--seed ${found?.seed} --schedules 1`);
  const again = ["chaos", "charge", "--seed", String(found?.seed), "--schedules", "1", "--json"];
  expect(reportOf(await place.baton(again)).findings).toEqual([found]);
});

test("nothing is found in correct code: exit code 0, and nothing is left behind", async () => {
  const place = new Workplace({ "greet.ts": greet });
  const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith("baton-chaos-"));
  const before = temporary();
  const parameters = ["chaos", "greet", "--input", '{"name":"Ada"}', "--schedules", "20"];
  const { code, stdout } = await place.baton(parameters);
  expect(stdout.trim()).toBe("greet: nothing found in 20 schedules (seeds 1 to 20)");
  expect(code).toBe(0);
  expect(place.has(".baton")).toBe(false);
  expect(temporary()).toEqual(before);
});

test("tasks that never ran are named, with the failure that is why", async () => {
  const place = new Workplace({
    "stuck.ts": `import { TaskError, workflow } from "baton-dag";
export default workflow("stuck")
  .task("load", () => { throw new TaskError("no rows", { code: "NO_ROWS", retryable: false }); })
  .task("sum", () => 1, { after: ["load"] });
`,
  });
  const { code, stdout } = await place.baton(["chaos", "stuck", "--schedules", "3"]);
  expect(stdout.trim().split("\n")).toEqual([
    "stuck: nothing found in 3 schedules (seeds 1 to 3)",
    "  never ran, so not tested: sum",
    "  without any fault load fails: NO_ROWS: no rows",
  ]);
  expect(code).toBe(0);
});

test("each worker has module variables of its own", async () => {
  const place = new Workplace({
    "leak.ts": leak,
    "lib/memory.ts": "export const memory: { value?: number } = {};\n",
  });
  const { findings } = reportOf(await place.baton(["chaos", "leak", "--schedules", "1", "--json"]));
  expect(findings.map(({ code, taskId }) => `${code} ${taskId}`)).toContain("STATE_SHARED get");
});

test("files are dropped, and fakes are read from a module", async () => {
  const load = `import { FileDropped, fileDrop, loadFile, workflow } from "baton-dag";
export default workflow("load", { input: FileDropped, on: [fileDrop("in/*.csv")] })
  .task("load", loadFile({ table: "t" }))
  .task("rate", async ({ parent, services, signal }) => {
    const request = { url: "https://rates.example/", method: "GET", headers: {}, body: undefined };
    const answer = await services.http.request({ ...request, signal, timeoutSeconds: 9, maxResponseBytes: 99 });
    return { rows: (await parent("load")).rows, rate: answer.body, at: new Map() };
  }, { after: ["load"] });
`;
  const place = new Workplace({ "load.ts": load });
  place.write("a.csv", "id\n1\n2\n");
  place.write("fakes.ts", 'export default { http: { "GET https://rates.example/": { body: "7" } } };\n');
  const words = [
    "chaos",
    "load",
    "--drop",
    "in/a.csv=a.csv",
    "--fakes",
    "fakes.ts",
    "--schedules",
    "2",
    "--json",
  ];
  const { findings } = reportOf(await place.baton(words));
  expect(findings.map(({ code, taskId }) => `${code} ${taskId}`)).toEqual(["RESULT_NOT_JSON rate"]);
});

test.each([
  ["an unknown workflow", ["chaos", "nope"], "WORKFLOW_UNKNOWN"],
  ["an input that the workflow refuses", ["chaos", "greet", "--input", "{}"], "INPUT_INVALID"],
  ["a number of schedules that is none", ["chaos", "greet", "--schedules", "x"], "USAGE"],
  ["a file that is missing", ["chaos", "greet", "--drop", "a=missing.csv"], "USAGE"],
  ["fakes that are missing", ["chaos", "greet", "--fakes", "missing.ts"], "USAGE"],
])("%s is a wrong call: exit code 2", async (_, words, code) => {
  const place = new Workplace({ "greet.ts": greet });
  const result = await place.baton(words);
  expect(result.stderr).toContain(`error ${code}`);
  expect(result.code).toBe(2);
});

test("its help has an example", async () => {
  const { stdout } = await new Workplace({}).baton(["chaos", "--help"]);
  expect(stdout).toContain("Example:");
});
