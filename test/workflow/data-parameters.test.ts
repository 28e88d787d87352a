import { expect, test } from "vitest";
import { validateDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { parseYaml } from "../../src/workflow/yaml-source.ts";
import { taskTypes } from "./task-types.ts";

function problemsOf(parameters: string) {
  const text = `workflow: w\ntasks: [{ id: a, type: load, with: ${parameters} }]`;
  const result = validateDataWorkflow(parseYaml(text, "flow.yaml"), taskTypes);
  return result.ok ? [] : result.problems;
}

test.each([
  [
    "a whole value",
    "{ table: '{{ input.table }}', mode: '{{ input.mode }}', limit: '{{ parents.a.rows }}' }",
  ],
  ["part of one", "{ table: sales, mode: 'mer{{ input.rest }}' }"],
  ["inside a union", "{ table: sales, from: { row: '{{ input.row }}' } }"],
  ["in place of a union", "{ table: sales, from: '{{ input.from }}' }"],
  ["what a check looks at", "{ table: '{{ input.table }}', mode: merge }"],
])("a placeholder may take the place of %s", (_, parameters) => {
  expect(problemsOf(parameters)).toEqual([]);
});

test.each([
  ["{ table: '{{ input.table }}', mode: upsert }", "with.mode"],
  ["{ table: sales, mode: merge }", "with"],
  ["{ table: '{{ input.table }}', from: { row: first } }", "with.from"],
  ["{ table: sales, from: { row: '{{ input.row }}', column: red } }", "with.from"],
  ["{ mode: '{{ input.mode }}' }", "with.table"],
])("what holds no placeholder is still checked: %s", (parameters, path) => {
  const problems = problemsOf(parameters);
  expect(problems.map(({ code, where }) => `${code} ${where}`)).toEqual([
    `TASK_PARAMETERS_INVALID flow.yaml:2, task "a", ${path}`,
  ]);
});
