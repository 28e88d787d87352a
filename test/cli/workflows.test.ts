import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { askYaml, cyclicYaml, helloFiles } from "../support/command-workflows.ts";

test("workflows: lists the valid ones, and the problems of the others", async () => {
  const place = new Workplace({
    ...helloFiles,
    "ask.yaml": `on: [{ fileDrop: "in/*.csv" }]\n${askYaml}`,
    "often.yaml": `on: [{ schedule: "0 6 1 1 *", timeZone: Europe/Paris }]\n${askYaml.replace("ask", "often")}`,
    "throws.ts": "throw new Error('no luck');\n",
    "round.yaml": cyclicYaml,
  });
  const { code, stdout, stderr } = await place.baton(["workflows"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ask +2 +file drop in\/\*\.csv$/m);
  expect(stdout).toMatch(/^hello +4$/m);
  expect(stdout).toMatch(/^often +2 +schedule "0 6 1 1 \*" Europe\/Paris, next \d{4}-01-01T05:00:00Z$/m);
  expect(stderr).toMatch(/^problem WORKFLOW_FILE_FAILED in \S+throws\.ts:1:7: no luck$/m);
  expect(stderr).toMatch(/^problem WORKFLOW_CYCLE in \S+round\.yaml:\d+.*a → b → a/m);
  const { list } = await place.baton(["workflows", "--json"]);
  expect(list.map(({ workflowId }) => workflowId)).toEqual(["ask", "hello", "often"]);
  expect(list[0]?.triggers).toEqual([{ type: "fileDrop", pattern: "in/*.csv" }]);
  expect(list[2]?.triggers).toEqual([
    {
      type: "schedule",
      cron: "0 6 1 1 *",
      timeZone: "Europe/Paris",
      missed: "skip",
      nextSlot: expect.stringMatching(/^\d{4}-01-01T05:00:00Z$/),
    },
  ]);
  expect(list[0]?.tasks[1]).toEqual({ taskId: "second", type: "http", after: ["first"] });
});

test("validate: every problem with its place and code, exit 1; 0 when there is none", async () => {
  const place = new Workplace({ ...helloFiles, "round.yaml": cyclicYaml, "ask.json": '{"workflow":"ask"}' });
  const folder = await place.baton(["validate"]);
  expect(folder.code).toBe(1);
  for (const code of ["WORKFLOW_CYCLE", "PARENT_UNKNOWN", "TASK_TYPE_UNKNOWN", "WORKFLOW_INVALID"])
    expect(folder.stdout).toContain(` ${code}: `);
  expect(folder.stdout).toContain("valid: hello");
  const file = await place.baton(["validate", "workflows/round.yaml", "--json"]);
  expect(file.code).toBe(1);
  expect(file.json).toMatchObject({ valid: false, workflowIds: [] });
  expect(file.json.problems).toHaveLength(3);
  expect(file.json.problems[0]).toEqual({
    file: place.path("workflows/round.yaml"),
    code: expect.any(String),
    message: expect.any(String),
    where: expect.stringMatching(/round\.yaml:\d+/),
    remedy: expect.any(String),
  });
  const good = await place.baton(["validate", "workflows/hello.ts"]);
  expect(good).toMatchObject({ code: 0, stdout: "valid: hello\n", stderr: "" });
  const empty = await place.baton(["validate", "workflows/lib/plus-one.ts"]);
  expect(empty.code).toBe(1);
  expect(empty.stdout).toContain("It exports no workflow");
  expect(existsSync(place.path("data"))).toBe(false);
});

test("graph in both languages", async () => {
  const place = new Workplace(helloFiles);
  const mermaid = await place.baton(["graph", "hello"]);
  expect(mermaid.stdout).toMatch(/^flowchart LR\n/);
  expect(mermaid.stdout.match(/-->/g)).toHaveLength(3);
  const dot = await place.baton(["graph", "hello", "--format", "dot"]);
  expect(dot.stdout).toContain('digraph "hello" {');
  const { json } = await place.baton(["graph", "hello", "--json"]);
  expect(json).toEqual({ workflowId: "hello", format: "mermaid", diagram: mermaid.stdout.trimEnd() });
});

test("apply stores a workflow, replaces it, and refuses a wrong one", async () => {
  const place = new Workplace(helloFiles);
  place.write("ask.yaml", askYaml);
  expect(await place.baton(["apply", "ask.yaml"])).toMatchObject({
    code: 0,
    stdout: "applied ask (2 tasks)\n",
  });
  place.write("ask.yaml", askYaml.split("  - id: second")[0] ?? "");
  expect((await place.baton(["apply", "ask.yaml", "--json"])).json).toEqual({
    applied: true,
    workflowId: "ask",
    problems: [],
    needs: {},
  });
  expect((await place.baton(["workflows"])).stdout).toMatch(/^ask +1$/m);
  place.write("round.yaml", cyclicYaml);
  const refused = await place.baton(["apply", "round.yaml", "--json"]);
  expect(refused.code).toBe(1);
  expect(refused.json.problems).toHaveLength(3);
  expect(refused.stderr).toContain("problem WORKFLOW_CYCLE in ");
  expect((await place.baton(["workflows"])).stdout).not.toContain("round");
});

test("apply says when a file of the folder is used in its place", async () => {
  const place = new Workplace({ "ask.yaml": askYaml });
  const { code, stderr } = await place.baton(["apply", "workflows/ask.yaml"]);
  expect(code).toBe(0);
  expect(stderr).toContain("but not used: ");
});

test("workflow files use their own zod if they have one, and other packages stay unknown", async () => {
  const place = new Workplace({
    "own.ts":
      'import { workflow } from "baton-dag";\nimport { owner } from "zod";\n' +
      'export default workflow("own").task(owner, () => 1);\n',
    "other.ts": 'import "left-pad";\n',
  });
  place.write("node_modules/zod/package.json", '{"name":"zod","type":"module","exports":"./index.js"}');
  place.write("node_modules/zod/index.js", 'export const owner = "theirs";\n');
  const { json, stderr } = await place.baton(["workflows", "--json"]);
  expect(json).toMatchObject([{ workflowId: "own", tasks: [{ taskId: "theirs" }] }]);
  expect(stderr).toContain("left-pad");
});

test("validate: a timeout that Google Cloud would cut is a warning, by the timeout of the function", async () => {
  const long =
    'import { workflow } from "baton-dag";\n' +
    'export default workflow("long").task("load", () => 1, { timeout: "20m" });\n';
  const place = new Workplace({ "long.ts": long });
  const { code, stdout, stderr } = await place.baton(["validate"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "valid: long\n" });
  expect(stderr).toMatch(/^warning: Task load of long has a timeout of 20 m 00 s; .* 8 m 30 s/);
  const { json } = await place.baton(["validate", "workflows/long.ts", "--json"], {
    environment: { BATON_FUNCTION_TIMEOUT: "5m" },
  });
  expect(json).toMatchObject({ valid: true, warnings: [expect.stringContaining("4 m 30 s")] });
});

const askingYaml = `workflow: asking
tasks:
  - id: ask
    type: http
    with: { url: "https://a.example/{{ input.x }}", headers: { authorization: "{{ secrets.API_TOKEN }}" } }
`;

test("validate names secrets that are not configured, and passes: tasks may run elsewhere", async () => {
  const place = new Workplace({ "asking.yaml": askingYaml });
  const { code, stdout, stderr } = await place.baton(["validate"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "valid: asking\n" });
  expect(stderr).toBe(
    "warning: BATON_TASK_SECRET_API_TOKEN: It is not set, and task ask of asking refers to the secret API_TOKEN\n",
  );
  const environment = { BATON_TASK_SECRET_API_TOKEN: "x" };
  expect((await place.baton(["validate"], { environment })).stderr).toBe("");
  const doctor = await place.baton(["doctor"]);
  expect(doctor.stdout).toContain("BATON_TASK_SECRET_API_TOKEN is not set here");
  expect((await place.baton(["doctor"], { environment })).stdout).not.toContain("is not set here");
});

test("a task that would fail at run time does not prevent loading a file, but prevents applying it", async () => {
  const wrong = askingYaml.replace("input.x", "inptu.x");
  const place = new Workplace({ "asking.yaml": wrong });
  const validated = await place.baton(["validate"]);
  expect(validated.code).toBe(1);
  expect(validated.stdout).toMatch(
    /asking\.yaml:5, task "ask", with\.url: TEMPLATE_INVALID: .*did you mean \{\{ input\.x \}\}\?/,
  );
  expect(validated.stdout).toContain("valid: asking");
  const applied = await place.baton(["apply", "workflows/asking.yaml"]);
  expect(applied.code).toBe(1);
  expect(applied.stderr).toContain("did you mean {{ input.x }}?");
});

test("validate finds workflows that no file exports, and two of one id in a file", async () => {
  const begin = 'import { workflow } from "baton-dag";\n';
  const place = new Workplace({
    "a.ts": `${begin}workflow("a").task("t", () => 1);\n`,
    "b.ts":
      `${begin}export const one = workflow("b").task("t", () => 1);\nexport const two = ` +
      `workflow("b").task("t", () => 2);\n`,
  });
  const a = await place.baton(["validate", "workflows/a.ts"]);
  expect(a.stdout).toMatch(/a\.ts:2:\d+: WORKFLOW_NOT_EXPORTED: .*\n {2}Export the workflow from its file/);
  const b = await place.baton(["validate", "workflows/b.ts"]);
  expect(b.stdout).toContain('WORKFLOW_DUPLICATE: The file exports more than one workflow "b"');
  expect((await place.baton(["validate"])).stdout).toMatch(/^2 problems/m);
});
