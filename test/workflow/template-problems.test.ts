import { expect, test } from "vitest";
import * as z from "zod";
import { builtInTaskTypes } from "../../src/tasks/index.ts";
import { FolderCatalog } from "../../src/workflow/catalog.ts";
import { validateDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { missingInput, staticInput } from "../../src/workflow/problems/input-fields.ts";
import { parseYaml } from "../../src/workflow/yaml-source.ts";
import { folderWith } from "./temp-folder.ts";

function check(text: string) {
  const { ok, problems } = validateDataWorkflow(parseYaml(text, "flow.yaml"), builtInTaskTypes);
  return { ok, messages: problems.map(({ code, where, message }) => `${code} ${where}: ${message}`) };
}

const http = (url: string, more = "") => `workflow: w
tasks:
  - id: first
    type: http
    with: { url: "https://a.example" }
  - id: ask
    type: http
    after: [first]
    with:
      url: ${JSON.stringify(url)}
${more}`;

test.each([
  ["{{ inptu.x }}", "did you mean {{ input.x }}?"],
  ["{{ input.x }", "{{ input.x } is not closed"],
  ["{{ input.x", "{{ input.x is not closed"],
  ["https://a.example/{{ customer.name }}/", "write {{ '{{ customer.name }}' }}"],
  ["{{ parents.frist.body }}", '"frist" is no parent of this task (it has first); did you mean first?'],
  ["{{ parents.ask.body }}", '"ask" is no parent of this task (it has first); add "ask" to `after`'],
  ["{{ env.TOKEN }}", "{{ secrets.TOKEN }}"],
  ["https://a.example/{ input.x }", "{ input.x } is not filled in: write {{ input.x }}"],
])("%s is found, with file, line, task and what to do", (url, message) => {
  const found = check(http(url));
  expect(found.ok).toBe(true);
  expect(found.messages).toHaveLength(1);
  expect(found.messages[0]).toMatch(/^TEMPLATE_INVALID flow\.yaml:10, task "ask", with\.url: /);
  expect(found.messages[0]).toContain(message);
});

test("valid templates are not reported: every root, quoted braces, and braces that are no templates", () => {
  const body = `      body:
        a: "{{ input.x? }} {{ parents.first.body.length }} {{ batchId }} {{ secrets.TOKEN }}"
        b: "{{ '{{ customer.name }}' }} {% raw %} \${input.x} {\\"a\\":{\\"b\\":1}}"
    callback: { url: "https://a.example/{{ secrets.HOOK }}" }
`;
  expect(check(http("{{ input.url }}", body))).toEqual({ ok: true, messages: [] });
});

test("every mistake of a workflow is reported, in callbacks and names too, beside those of other kinds", () => {
  const text = `workflow: w
tasks:
  - id: a
    type: http
    with: { url: "{{ inptu.a }}", body: { "{{ input.key }}": ["{{ x }}", "{{ parents.b }}"] } }
    callback: { url: "{{ input.hook }" }
  - id: b
    type: nothing
`;
  const { ok, messages } = check(text);
  expect(ok).toBe(false);
  expect(messages.map((line) => line.split(": ")[0])).toEqual([
    'TASK_TYPE_UNKNOWN flow.yaml:8, task "b", type',
    'TEMPLATE_INVALID flow.yaml:5, task "a", with.url',
    'TEMPLATE_INVALID flow.yaml:5, task "a", with.body.{{ input.key }}.0',
    'TEMPLATE_INVALID flow.yaml:5, task "a", with.body.{{ input.key }}.1',
    'TEMPLATE_INVALID flow.yaml:5, task "a", with.body.{{ input.key }}',
    'TEMPLATE_INVALID flow.yaml:6, task "a", callback.url',
  ]);
});

test.each([
  "sql: \"SELECT * FROM t WHERE d = '{{ input.day }}'\"",
  'sql: { duckdb: "SELECT {{ input.day }}" }',
])("a value in the text of SQL is reported, with how to bind it: %s", (sql) => {
  const { messages } = check(`workflow: w
tasks:
  - id: q
    type: runQuery
    with:
      into: t
      ${sql}
`);
  expect(messages).toHaveLength(1);
  expect(messages[0]).toMatch(/^TEMPLATE_INVALID flow\.yaml:7, task "q", with\.sql/);
  expect(messages[0]).toContain(
    'Write $day (BigQuery: @day) there, and give the value in `parameters`: { day: "{{ input.day }}" }',
  );
});

test("a value bound to a parameter of SQL is right; a secret there is not", () => {
  const query = (value: string) =>
    check(`workflow: w
tasks:
  - id: q
    type: runQuery
    with: { into: t, sql: "SELECT $a AS a", parameters: { a: "${value}" } }
`);
  expect(query("{{ input.day }}").messages).toEqual([]);
  expect(query("{{ secrets.TOKEN }}").messages[0]).toContain("a secret is not allowed here");
});

test("a secret that is written out stops the workflow, and the message does not show it", () => {
  const { ok, messages } = check(
    http("https://a.example?api_key=hush", "      headers: { x-api-key: hush }\n"),
  );
  expect(ok).toBe(false);
  expect(messages.map((line) => line.split(": ")[0])).toEqual([
    'SECRET_IN_DEFINITION flow.yaml:10, task "ask", with.url',
    'SECRET_IN_DEFINITION flow.yaml:11, task "ask", with.headers.x-api-key',
  ]);
  expect(messages.join()).not.toContain("hush");
});

test.each<[string, string | undefined]>([
  ["day", undefined],
  ["dya", 'by its schema, the input has no "dya"; did you mean day?'],
  ["lead.id", undefined],
  ["lead.name", 'by its schema, "lead" has no "name"; it has id'],
  ["day.length", '"day" is of type string, which has no "length"'],
  ["list.0.a", undefined],
  ["list.length", undefined],
  ["list.first", '"list" is a list: write a position, such as 0, in the place of "first"'],
  ["loose.anything.at.all", undefined],
  ["either.a", undefined],
  ["either.other", `by its schema, "either" has no "other"; it has a`],
  ["tree.next.next.value", undefined],
  ["tree.next.nxt", 'by its schema, "next" has no "nxt"; did you mean next?'],
  ["counts.x.n", undefined],
  ["counts.x.m", 'by its schema, "x" has no "m"; did you mean n?'],
  ["made.of.code", undefined],
])("the schema of an input says whether it can have %s", (path, problem) => {
  const Tree = z.object({
    value: z.number(),
    get next() {
      return Tree.optional();
    },
  });
  const schema = z.object({
    day: z.string(),
    lead: z.object({ id: z.number() }).optional(),
    list: z.array(z.object({ a: z.number() })),
    loose: z.looseObject({ known: z.string() }),
    either: z.union([z.object({ a: z.number() }), z.object({ b: z.number() }), z.null()]),
    tree: Tree,
    counts: z.record(z.string(), z.object({ n: z.number() })),
    made: z.string().transform((text) => ({ of: { code: text } })),
  });
  expect(missingInput(staticInput(schema), path.split("."))).toBe(problem);
});

const dropped = "  - fileDrop: sales/*.csv\n";
const scheduled = '  - schedule: "0 6 * * *"\n';

test.each<[string, string, string | undefined]>([
  [dropped, "{{ input.object }}", undefined],
  [
    dropped,
    "{{ input.objekt }}",
    'as its triggers start it, the input has no "objekt"; did you mean object?',
  ],
  [dropped, "{{ input.date }}", 'has no "date"; it has bucket, object, generation'],
  [dropped, "{{ input.object.name }}", '"object" is of type string, which has no "name"'],
  [dropped, "{{ input.region? }}", undefined],
  [scheduled, "{{ input.date }}", undefined],
  [scheduled, "{{ input.object }}", 'has no "object"; it has scheduledAt, date'],
  [dropped + scheduled, "{{ input.object }} {{ input.date }}", undefined],
  [dropped + scheduled, "{{ input.region }}", 'as its triggers start it, the input has no "region"'],
])("without a schema the triggers say what the input has:\n%s%s", async (on, url, problem) => {
  const data = check(http(url).replace("tasks:", `on:\n${on}tasks:`)).messages;
  const [trigger] = on === dropped ? ['fileDrop("sales/*.csv")'] : ['schedule("0 6 * * *")'];
  const triggers = on === dropped + scheduled ? `fileDrop("sales/*.csv"), ${trigger}` : trigger;
  const folder = await folderWith({
    "w.ts": `import { fileDrop, http, schedule, workflow } from "baton-dag";
export default workflow("w", { on: [${triggers}] }).task("a", http({ url: ${JSON.stringify(url)} }));\n`,
  });
  const code = await new FolderCatalog({ folder, taskTypes: builtInTaskTypes }).problems();
  for (const found of [data, code.map(({ message }) => message)])
    expect(found).toEqual(problem === undefined ? [] : [expect.stringContaining(problem)]);
});

const built = 'import { http, workflow } from "baton-dag";\n';

test("a workflow that is not exported is reported where it is built; one exported elsewhere is not", async () => {
  const folder = await folderWith({
    "forgotten.ts": `${built}workflow("forgotten").task("a", () => 1);\nexport const other = 1;\n`,
    "listed.ts": `${built}export default [workflow("listed").task("a", () => 1)];\n`,
    "shared.ts": `${built}export const begin = (id: string) => workflow(id);
export const base = begin("base").task("a", () => 1);\n`,
    "uses.ts": 'import { begin } from "./shared.ts";\nexport default begin("uses").task("b", () => 2);\n',
  });
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  expect((await catalog.all()).map(({ definition }) => definition.workflowId).sort()).toEqual([
    "base",
    "uses",
  ]);
  const messages = (await catalog.problems()).map(
    ({ code, where, message }) => `${code} ${where}: ${message}`,
  );
  expect(messages).toEqual([
    expect.stringMatching(
      /^WORKFLOW_NOT_EXPORTED \S+\/forgotten\.ts:2:\d+: Workflow "forgotten" is created here/,
    ),
    expect.stringMatching(/^WORKFLOW_NOT_EXPORTED \S+\/listed\.ts:2:\d+: Workflow "listed" is created here/),
  ]);
});

test("a wrong template of code leaves its workflow, and is a problem of its file", async () => {
  const folder = await folderWith({
    "w.ts": `${built}export default workflow("w")
  .task("a", http({ url: "https://a.example/{{ inptu.x }}" }))
  .task("b", http({ url: "https://a.example/{{ parents.a.body }}" }));
`,
  });
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  expect((await catalog.all()).length).toBe(1);
  expect((await catalog.problems()).map(({ where, message }) => `${where}: ${message}`)).toEqual([
    expect.stringMatching(/w\.ts, workflow "w", task "a", with\.url: \{\{ inptu\.x \}\} .*did you mean/),
    expect.stringMatching(/w\.ts, workflow "w", task "b", with\.url: .*add "a" to `after`/),
  ]);
});
