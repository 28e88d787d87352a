import { expect, test } from "vitest";
import { FolderCatalog, type FolderCatalogOptions } from "../../src/workflow/catalog.ts";
import { taskTypes } from "./task-types.ts";
import { folderWith } from "./temp-folder.ts";

const code = (id: string) =>
  `import { workflow } from "baton-dag";\nexport default workflow("${id}").task("run", () => "${id}");\n`;
const data = (id: string, task = "run") => `workflow: ${id}\ntasks:\n  - { id: ${task}, type: noop }\n`;

function catalogOf(folder: string, applied: NonNullable<FolderCatalogOptions["applied"]>) {
  return new FolderCatalog({ folder, taskTypes, applied });
}

async function idsOf(catalog: FolderCatalog): Promise<string[]> {
  return (await catalog.all()).map((workflow) => workflow.definition.workflowId).sort();
}

test("reads applied workflows again whenever one is needed", async () => {
  const stored = new Map<string, string>();
  let reads = 0;
  const catalog = catalogOf(await folderWith({ "a.yaml": data("a") }), async () => {
    reads += 1;
    return [...stored].map(([workflowId, source]) => ({ workflowId, source }));
  });
  expect(await catalog.find("a")).toBeDefined();
  expect(reads).toBe(0);
  expect(await catalog.find("late")).toBeUndefined();

  stored.set("late", data("late", "one"));
  const found = await catalog.find("late");
  expect(found?.definition.tasks.map((task) => task.id)).toEqual(["one"]);
  expect(await catalog.find("late")).toBe(found);
  expect(await idsOf(catalog)).toEqual(["a", "late"]);

  stored.set("late", data("late", "two"));
  expect((await catalog.find("late"))?.definition.tasks.map((task) => task.id)).toEqual(["two"]);
  stored.delete("late");
  expect(await catalog.find("late")).toBeUndefined();
});

test("a file wins over an applied workflow, and a broken applied one is a problem", async () => {
  const catalog = catalogOf(await folderWith({ "a.ts": code("a") }), async () => [
    { workflowId: "a", source: data("a", "applied") },
    { workflowId: "broken", source: "workflow: broken\ntasks: []\n" },
  ]);
  expect((await catalog.find("a"))?.definition.tasks.map((task) => task.id)).toEqual(["run"]);
  expect(await idsOf(catalog)).toEqual(["a"]);
  expect((await catalog.problems()).map(({ file, code }) => [file, code])).toEqual([
    ['applied workflow "a"', "WORKFLOW_DUPLICATE"],
    ['applied workflow "broken"', "WORKFLOW_INVALID"],
  ]);
});
