import { expect, expectTypeOf, test } from "vitest";
import { builtInTypeNames } from "../../src/core/workflow/definition.ts";
import * as baton from "../../src/index.ts";
import { builtInTaskTypes } from "../../src/tasks/index.ts";
import { validateDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { parseYaml } from "../../src/workflow/yaml-source.ts";

const {
  archiveFile,
  dataform,
  FileDropped,
  fileDrop,
  http,
  loadFile,
  powerBiRefresh,
  renderReport,
  runQuery,
  workflow,
} = baton;

const typed = workflow("sales-refresh", { input: FileDropped, on: [fileDrop("sales/*.csv")] })
  .task("load", loadFile({ table: "sales" }))
  .task("summarise", runQuery({ sql: "SELECT 1", into: "summary" }), { after: ["load"] })
  .task("archive", archiveFile({ to: "archive/" }), { after: ["load"] })
  .task("tell", http({ url: "https://example.com", body: { rows: "{{ parents.load.rows }}" } }), {
    after: ["load"],
  });

const data = `
workflow: sales-refresh
on: [{ fileDrop: "sales/*.csv" }]
tasks:
  - { id: load, type: loadFile, with: { table: sales } }
  - { id: summarise, type: runQuery, with: { sql: SELECT 1, into: summary }, after: [load] }
  - { id: archive, type: archiveFile, with: { to: archive/ }, after: [load] }
  - id: tell
    type: http
    with: { url: https://example.com, body: { rows: "{{ parents.load.rows }}" } }
    after: [load]
`;

test("the same workflow in TypeScript and as data is the same definition", () => {
  const read = validateDataWorkflow(parseYaml(data, "sales.yaml"), builtInTaskTypes);
  expect(read.ok ? [] : read.problems).toEqual([]);
  expect(read.ok && read.workflow.definition).toEqual(typed.definition);
  expect(read.ok && read.workflow.triggers).toEqual(typed.triggers);
});

test("every task type goes by the name of its authoring function", () => {
  const functions: readonly unknown[] = [
    loadFile,
    runQuery,
    dataform,
    powerBiRefresh,
    renderReport,
    archiveFile,
    http,
  ];
  const named = [...builtInTaskTypes].map(([name, type]) => {
    expect(type.type).toBe(name);
    return Object.entries(baton).find(([exported]) => exported === name)?.[1];
  });
  expect(named).toEqual(functions);
  // No type of a project can have one of these names.
  expect(builtInTypeNames).toEqual([...builtInTaskTypes.keys()]);
});

test("the results of built-in tasks are typed", () => {
  typed.task(
    "last",
    async (context) => {
      expectTypeOf((await context.parent("load")).rows).toBeNumber();
      expectTypeOf(context.input.generation).toBeString();
    },
    { after: ["load"] },
  );
});
