import { expect, test } from "vitest";
import { validateDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { parseYaml } from "../../src/workflow/yaml-source.ts";
import { taskTypes } from "./task-types.ts";

function problemsOf(text: string) {
  const result = validateDataWorkflow(parseYaml(text, "flow.yaml"), taskTypes);
  return result.ok ? [] : result.problems;
}

test.each([
  ["nothing", "", "flow.yaml"],
  ["a list", "- 1", "flow.yaml"],
  ["no tasks", "workflow: w\ntasks: []", "flow.yaml:2, tasks"],
  ["a missing bracket", "workflow: w\ntasks: [", "flow.yaml:2"],
  ["a key twice", "workflow: w\nworkflow: v\ntasks: []", "flow.yaml:2"],
  ["two documents", "workflow: w\n---\nworkflow: v\n", "flow.yaml:2"],
  ["an unknown tag", "workflow: !!js/function w\ntasks: []", "flow.yaml:1"],
  ["an anchor never set", "workflow: *w\ntasks: []", "flow.yaml"],
])("refuses %s", (_, text, where) => {
  const problems = problemsOf(text);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems[0]?.where).toContain(where);
  for (const problem of problems) expect(problem.code).toBe("WORKFLOW_INVALID");
});

test("anchors work, and a bomb of them does not go off", () => {
  const shared =
    "workflow: w\ntasks:\n  - &a { id: a, type: noop }\n  - { id: b, type: noop, after: &p [a] }\n";
  expect(problemsOf(`${shared}  - { id: c, type: noop, after: *p }\n`)).toEqual([]);
  const levels = Array.from({ length: 12 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]`);
  expect(problemsOf(`l0: &l0 [x]\n${levels.join("\n")}\n`)[0]?.message).toContain("alias");
});

test("a thousand tasks may use one list of parents by its anchor, and share it", () => {
  const tasks = Array.from(
    { length: 1_000 },
    (_, index) => `  - { id: t${index}, type: noop, after: *above }`,
  );
  const text = `workflow: w
tasks:
  - { id: a, type: noop }
  - { id: b, type: noop }
  - { id: c, type: noop, after: &above [a, b] }
${tasks.join("\n")}
`;
  const result = validateDataWorkflow(parseYaml(text, "flow.yaml"), taskTypes);
  const lists = new Set(result.ok ? result.workflow.definition.tasks.map(({ after }) => after) : []);
  expect([...lists].filter((list) => list.length > 0)).toEqual([["a", "b"]]);
});

test("a problem behind an anchor is placed where that was written", () => {
  const text = `workflow: w
tasks:
  - id: a
    type: load
    with: &shared
      table: sales
      limit: 1000
  - { id: b, type: load, with: *shared }
`;
  expect(problemsOf(text).map(({ where }) => where)).toEqual([
    'flow.yaml:7, task "a", with.limit',
    'flow.yaml:7, task "b", with.limit',
  ]);
});

test("a number that JavaScript can't hold is refused where it was written, as a key too", () => {
  const text = `workflow: w
tasks:
  - id: a
    type: load
    with:
      order: 7615917337495251231
      flags: 0x7fffffffffffffff
      9007199254740993: x
      fine: [1.0, 1e3, 0.1, +5, 0x10, "7615917337495251231", 33.3333333333333333]
`;
  expect(problemsOf(text)).toEqual([
    {
      code: "NUMBER_NOT_EXACT",
      message:
        "The number 7615917337495251231 would become 7615917337495251000; write it as a string, in quotes",
      where: "flow.yaml:6",
    },
    expect.objectContaining({ code: "NUMBER_NOT_EXACT", where: "flow.yaml:7" }),
    expect.objectContaining({ code: "NUMBER_NOT_EXACT", where: "flow.yaml:8" }),
  ]);
});
