import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";

const wrong: readonly (readonly [readonly string[], string])[] = [
  [[], "USAGE"],
  [["frobnicate"], "USAGE"],
  [["show"], "USAGE"],
  [["show", "a", "b"], "USAGE"],
  [["batches", "--frobnicate"], "USAGE"],
  [["batches", "--status", "LOST"], "USAGE"],
  [["batches", "--limit", "-1"], "USAGE"],
  [["batches", "--limit"], "USAGE"],
  [["start", "--port", "70000"], "USAGE"],
  [["graph", "hello", "--format", "png"], "USAGE"],
  [["run", "hello", "--input", "{n:1}"], "USAGE"],
  [["run", "hello", "--input", "@nowhere.json"], "USAGE"],
  [["run", "hello", "--key", ""], "USAGE"],
  [["run", "no name"], "USAGE"],
  [["run", "hello", "--input", '{"n":"one"}'], "INPUT_INVALID"],
  [["run", "hello"], "INPUT_INVALID"],
  [["run", "missing"], "WORKFLOW_UNKNOWN"],
  [["graph", "missing"], "WORKFLOW_UNKNOWN"],
  [["show", "missing"], "BATCH_UNKNOWN"],
  [["cancel", "missing"], "BATCH_UNKNOWN"],
  [["retry", "missing"], "BATCH_UNKNOWN"],
  [["forget"], "USAGE"],
  [["forget", "missing"], "BATCH_UNKNOWN"],
  [["forget", "missing", "--delete", "--dry-run"], "USAGE"],
  [["replay", "missing"], "DEAD_LETTER_UNKNOWN"],
  [["inspect"], "USAGE"],
  [["inspect", "nothing"], "USAGE"],
  [["inspect", "locks", "--limit", "0"], "USAGE"],
  [["explain", "missing"], "EXECUTION_UNKNOWN"],
  [["unlock", "missing"], "EXECUTION_UNKNOWN"],
  [["clear-result", "missing"], "EXECUTION_UNKNOWN"],
  [["resend"], "USAGE"],
  [["resend", "--key", "missing"], "EXECUTION_UNKNOWN"],
  [["resend", "--event", "missing"], "CALLBACK_UNKNOWN"],
  [["resend", "--job-id", "missing"], "CALLBACK_UNKNOWN"],
  [["complete", "missing", "task"], "BATCH_UNKNOWN"],
  [["event", "missing", "paid"], "BATCH_UNKNOWN"],
  [["publish", "{"], "BODY_NOT_JSON"],
  [["publish", "@nowhere.json"], "USAGE"],
  [["publish", '{"neither":1}'], "BODY_NOT_AN_EVENT"],
  [["apply", "nowhere.yaml"], "USAGE"],
  [["validate", "nowhere"], "USAGE"],
  [["validate", "workflows/notes.txt"], "USAGE"],
];

describe("wrong usage ends with 2, a code and a remedy, and never with a stack", () => {
  test.each(wrong)("%j", async (parameters, code) => {
    const place = new Workplace({ ...helloFiles, "notes.txt": "" });
    const output = await place.baton(parameters);
    const asJson = await place.baton([...parameters, "--json"]);
    expect(output.code).toBe(2);
    expect(output.stderr).toMatch(new RegExp(`^error ${code}: .+`, "m"));
    expect(output.stderr).toMatch(/^what to do: .+/m);
    expect(output.stderr).not.toMatch(/^ +at /m);
    expect(output.stdout).toBe("");
    expect(asJson.code).toBe(2);
    // A --json that ends up as the value of an option is not asked for.
    if (parameters.at(-1) !== "--limit")
      expect(asJson.json.error).toMatchObject({ message: expect.any(String), remedy: expect.any(String) });
  });
});

test("all problems of the environment are reported at once", async () => {
  const place = new Workplace(helloFiles);
  const environment = { BATON_LEASE: "soon", BATON_CONCURRENCY: "0", BATON_QUEUES: "websites=4,imports" };
  const { code, stderr } = await place.baton(["batches"], { environment });
  expect(code).toBe(2);
  expect(stderr).toMatch(/^error CONFIGURATION_INVALID: /);
  expect(stderr).toContain("BATON_LEASE");
  expect(stderr).toContain("BATON_CONCURRENCY");
  expect(stderr).toContain("BATON_QUEUES");
  expect(stderr).toContain('"imports": expected name=concurrency');
});

test("an unknown name is reported with the known ones, and with the files that failed", async () => {
  const place = new Workplace({ ...helloFiles, "broken.ts": "throw new Error('no luck');\n" });
  const { stderr } = await place.baton(["run", "broken"]);
  expect(stderr).toContain("problem WORKFLOW_FILE_FAILED in ");
  expect(stderr).toContain('error WORKFLOW_UNKNOWN: There is no workflow "broken"; the workflows are: hello');
});

test("help and version", async () => {
  const place = new Workplace({});
  const help = await place.baton(["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  const commands = [...help.stdout.matchAll(/^ {2}([a-z-]+) (?:\[|<)/gm)].map((match) => match[1] ?? "");
  expect(commands.length).toBeGreaterThan(20);
  const documentation = readFileSync(new URL("../../docs/cli.md", import.meta.url), "utf8");
  for (const command of commands) {
    if (command !== "help") expect(documentation).toMatch(new RegExp(`^\\| \`${command}[ \`]`, "m"));
    const { code, stdout } = await place.baton([command, "--help"]);
    expect([command, code]).toEqual([command, 0]);
    expect(stdout).toContain("Usage: baton");
    if (!["help", "dev", "mcp"].includes(command)) expect(stdout).toMatch(/^ +--json /m);
    if (command !== "help") expect(stdout).toMatch(new RegExp(`^Example:\\n  baton ${command}\\b`, "m"));
  }
  expect((await place.baton(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
