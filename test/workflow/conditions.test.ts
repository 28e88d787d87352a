import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { builtInTaskTypes } from "../../src/tasks/index.ts";
import { type Workflow, workflow } from "../../src/workflow/builder.ts";
import { FolderCatalog } from "../../src/workflow/catalog.ts";
import { readDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { folderWith } from "./temp-folder.ts";

const flow = (when: string) => `workflow: w
on:
  - fileDrop: sales/*.csv
tasks:
  - id: load
    type: http
    with: { url: "https://a.example" }
  - id: tell
    type: http
    with: { url: "https://a.example" }
    after: [load]
    when: ${when}
`;

test.each([
  ["parents.load.status == 200.0 && status.load == 'SUCCESS' && input.object != ''"],
  ["has(input.note) && input.note != ''"],
  ["!has(input.note) || input.note.text == ''"],
])("a condition without problems: %s", async (when) => {
  const { ok, problems } = await readDataWorkflow(flow(JSON.stringify(when)), "w.yaml", builtInTaskTypes);
  expect([ok, problems]).toEqual([true, []]);
});

test.each([
  ["1 +", "expecting"],
  ["soon(input.object)", "CEL has no function `soon`"],
  ["inputs.object == ''", "there is no variable `inputs`; did you mean input?"],
  ["parents.loads.rows > 0", '"loads" is no parent of this task; did you mean load?'],
  ["status.other == 'SUCCESS'", '"other" is no parent of this task; add "other" to `after`'],
  ["input.objects == ''", "objects"],
])("validate finds %s, with file, line and task", async (when, message) => {
  const text = flow(JSON.stringify(when));
  const { ok, problems } = await readDataWorkflow(text, "w.yaml", builtInTaskTypes);
  expect(ok).toBe(true);
  expect(problems).toEqual([
    {
      code: "EXPRESSION_INVALID",
      where: 'w.yaml:12, task "tell", when',
      message: expect.stringContaining(message),
    },
  ]);
  expect(problems[0]?.message).toContain(when);
});

test.each(["true", "3", "[a]"])("in YAML `when` is a text, not %s", async (when) => {
  const { ok, problems } = await readDataWorkflow(flow(when), "w.yaml", builtInTaskTypes);
  expect(ok).toBe(false);
  expect(problems[0]?.message).toContain("CEL expression");
});

test("the expression of a workflow file in TypeScript is checked by the schema of its input", async () => {
  const folder = await folderWith({
    "w.ts": `import { workflow } from "baton-dag";
import * as z from "zod";
export default workflow("w", { input: z.object({ day: z.string() }) })
  .task("work", () => 1, { when: "input.date == '2026-12-01'" });
`,
  });
  const problems = await new FolderCatalog({ folder, taskTypes: builtInTaskTypes }).problems();
  expect(problems).toEqual([
    expect.objectContaining({
      code: "EXPRESSION_INVALID",
      where: expect.stringContaining('workflow "w", task "work", when'),
      message: expect.stringContaining("date"),
    }),
  ]);
});

test("a condition that is a function has a bounded number of parents", () => {
  const parents = Array.from({ length: limits.conditionParents + 1 }, (_, index) => `p${index}`);
  let wide: Workflow<unknown, Record<string, number>> = workflow("w");
  for (const id of parents) wide = wide.task(id, () => 1);
  const add = (after: readonly string[]) => wide.task("child", () => 1, { after, when: () => true });
  expect(() => add(parents.slice(1))).not.toThrow();
  expect(() => add(parents)).toThrow(expect.objectContaining({ code: "WORKFLOW_INVALID" }));
});
