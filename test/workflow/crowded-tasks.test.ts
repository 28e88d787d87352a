import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { FolderCatalog } from "../../src/workflow/catalog.ts";
import { taskTypes } from "./task-types.ts";
import { folderWith } from "./temp-folder.ts";

/** One task that is a parent in `joins` joins, each time together with another task. */
const codeOf = (joins: number) => `import { workflow } from "baton-dag";
let flow = workflow("code").task("config", () => 1);
for (let n = 0; n < ${joins}; n++)
  flow = flow.task("r" + n, () => 1).task("c" + n, () => 1, { after: ["config", "r" + n] });
export default flow;
`;

const dataOf = (joins: number) => {
  const pairs = Array.from({ length: joins }, (_, n) => [
    { id: `r${n}`, type: "noop" },
    { id: `c${n}`, type: "noop", after: ["config", `r${n}`] },
  ]);
  return JSON.stringify({ workflow: "data", tasks: [{ id: "config", type: "noop" }, ...pairs.flat()] });
};

async function problemsWith(joins: number) {
  const folder = await folderWith({ "flow.ts": codeOf(joins), "flow.json": dataOf(joins) });
  const problems = await new FolderCatalog({ folder, taskTypes }).problems();
  return problems.map(({ file, code, message, where }) => ({
    file: file.slice(folder.length + 1),
    code,
    message,
    where: where.slice(folder.length + 1),
  }));
}

test("a task in more joins than its record can hold is found when the workflow is checked", async () => {
  const count = limits.joinsPerTask + 1;
  const problem = { code: "WORKFLOW_INVALID", message: expect.stringContaining(`${count} different sets`) };
  expect(await problemsWith(count)).toEqual([
    { file: "flow.json", ...problem, where: 'flow.json:1, task "config"' },
    { file: "flow.ts", ...problem, where: 'flow.ts, workflow "code", task "config"' },
  ]);
});

test("as many as are allowed are no problem", async () => {
  expect(await problemsWith(limits.joinsPerTask)).toEqual([]);
});
