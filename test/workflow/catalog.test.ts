import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FolderCatalog } from "../../src/workflow/catalog.ts";
import { taskTypes } from "./task-types.ts";
import { folderWith } from "./temp-folder.ts";

const code = (id: string) =>
  `import { workflow } from "baton-dag";\nexport default workflow("${id}").task("run", () => "${id}");\n`;
const data = (id: string, task = "run") => `workflow: ${id}\ntasks:\n  - { id: ${task}, type: noop }\n`;

function catalogOf(folder: string) {
  return new FolderCatalog({ folder, taskTypes });
}

async function idsOf(catalog: FolderCatalog): Promise<string[]> {
  return (await catalog.all()).map((workflow) => workflow.definition.workflowId).sort();
}

test("finds workflows in code and in data, in any folder below", async () => {
  const folder = await folderWith({
    "typed.ts": `${code("typed")}const typed: number = 1;\n`,
    "plain.js": code("plain"),
    "deep/er/module.mjs": code("module"),
    "two.ts": `import { workflow } from "baton-dag";
export const first = workflow("first").task("a", () => 1);
export const second = workflow("second").task("a", () => 2);
export const third = 3;`,
    "a.yaml": data("from-yaml"),
    "b.yml": data("from-yml"),
    "deep/c.json": '{ "workflow": "from-json", "tasks": [{ "id": "run", "type": "noop" }] }',
  });
  const catalog = catalogOf(folder);
  expect(await catalog.problems()).toEqual([]);
  expect(await idsOf(catalog)).toEqual(
    ["typed", "plain", "module", "first", "second", "from-yaml", "from-yml", "from-json"].sort(),
  );
  expect((await catalog.find("from-json"))?.definition.tasks.map((task) => task.type)).toEqual(["noop"]);
  expect(await catalog.find("nothing")).toBeUndefined();
});

test("gives the code of tasks that are functions", async () => {
  const folder = await folderWith({ "w.ts": code("typed"), "d.yaml": data("data") });
  const catalog = catalogOf(folder);
  expect(await catalog.taskCode("typed", "run")).toBeTypeOf("function");
  expect(await catalog.taskCode("typed", "other")).toBeUndefined();
  expect(await catalog.taskCode("data", "run")).toBeUndefined();
  expect(await catalog.taskCode("nothing", "run")).toBeUndefined();
});

test("ignores files that are not workflows", async () => {
  const throws = 'throw new Error("must not be loaded");';
  const catalog = catalogOf(
    await folderWith({
      "helper.ts": "export const half = (n: number) => n / 2;\nexport default { id: 'looks-like-one' };",
      "uses-helper.ts": `import { half } from "./helper.ts";\n${code("uses-helper")}half(2);`,
      "index.ts": 'export { default as again } from "./uses-helper.ts";',
      "types.d.ts": throws,
      "w.test.ts": throws,
      ".hidden.ts": throws,
      ".git/w.ts": throws,
      "node_modules/p/w.ts": throws,
      "w.ts.map": throws,
      "notes.md": throws,
      "package.json": '{ "type": "module" }',
      "empty.yaml": "",
      "numbers.json": "[1, 2]",
    }),
  );
  expect(await catalog.problems()).toEqual([]);
  expect(await idsOf(catalog)).toEqual(["uses-helper"]);
});

test("a broken file is a problem of its own", async () => {
  const folder = await folderWith({
    "good.ts": code("good"),
    "throws.ts":
      'const region: string = "eu";\n\nthrow new Error("no such region: " + region);\nexport {};\n',
    "throws-nothing.ts": "throw undefined;\nexport {};\n",
    "imports.ts": 'import "./absent.ts";\n',
    "builder.ts":
      'import { workflow } from "baton-dag";\n\nexport default workflow("w").task("a", () => 1, { after: ["z"] });\n',
    "no-tasks.ts": 'import { workflow } from "baton-dag";\nexport default workflow("no-tasks");\n',
    "syntax.yaml": "workflow: [\n",
    "wrong.yaml": "workflow: wrong\ntasks:\n  - { id: a, type: nope }\n",
  });
  const catalog = catalogOf(folder);
  expect(await idsOf(catalog)).toEqual(["good"]);
  const problems = await catalog.problems();
  const problemOf = (name: string) => problems.find((problem) => problem.file === join(folder, name));
  expect(problems.map((problem) => [problem.file.slice(folder.length + 1), problem.code])).toEqual([
    ["builder.ts", "PARENT_UNKNOWN"],
    ["imports.ts", "WORKFLOW_FILE_FAILED"],
    ["no-tasks.ts", "WORKFLOW_INVALID"],
    ["syntax.yaml", "WORKFLOW_INVALID"],
    ["throws-nothing.ts", "WORKFLOW_FILE_FAILED"],
    ["throws.ts", "WORKFLOW_FILE_FAILED"],
    ["wrong.yaml", "TASK_TYPE_UNKNOWN"],
  ]);
  expect(problemOf("throws.ts")?.message).toBe("no such region: eu");
  expect(problemOf("throws.ts")?.where).toMatch(/throws\.ts:3(:\d+)?$/);
  expect(problemOf("builder.ts")?.where).toMatch(/builder\.ts:3(:\d+)?$/);
  expect(problemOf("wrong.yaml")?.where).toContain('wrong.yaml:3, task "a", type');
  for (const problem of problems) expect(problem.message).not.toMatch(/\n\s+at /);
});

test("of two workflows of one id the first file is used, and the problem names both", async () => {
  const folder = await folderWith({ "a.ts": code("same"), "b.yaml": data("same") });
  const catalog = catalogOf(folder);
  expect(await catalog.taskCode("same", "run")).toBeTypeOf("function");
  const [problem, ...others] = await catalog.problems();
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ code: "WORKFLOW_DUPLICATE", file: join(folder, "b.yaml") });
  expect(problem?.message).toContain(join(folder, "a.ts"));
});

test("a missing folder is an error each time, until there is one", async () => {
  const folder = await folderWith({ "a.yaml": data("a") });
  await rename(folder, `${folder}-away`);
  const catalog = catalogOf(folder);
  await expect(catalog.all()).rejects.toMatchObject({ code: "WORKFLOW_FOLDER_MISSING", where: folder });
  await expect(catalog.find("a")).rejects.toMatchObject({ code: "WORKFLOW_FOLDER_MISSING" });
  await rename(`${folder}-away`, folder);
  expect(await idsOf(catalog)).toEqual(["a"]);
  const file = catalogOf(join(folder, "a.yaml"));
  await expect(file.all()).rejects.toMatchObject({ code: "WORKFLOW_FOLDER_MISSING" });
});

test("loads the folder when it is first needed, and once", async () => {
  const folder = await folderWith({ "a.yaml": data("a") });
  const catalog = catalogOf(folder);
  const [first, second] = await Promise.all([catalog.find("a"), catalog.find("a")]);
  expect(first).toBe(second);
  await rm(folder, { recursive: true });
  expect(await catalog.find("a")).toBe(first);
});
