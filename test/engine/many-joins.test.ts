import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { testApp } from "../support/app.ts";
import { type Edges, workflowOf } from "../support/graphs.ts";

/** One task that is a parent in `count` joins, each with another parent of its own. */
function manyJoins(count: number) {
  const others = Array.from({ length: count }, (_, index) => index);
  const edges: Edges = [
    ["config", []],
    ...others.map((index): [string, string[]] => [`r${index}`, []]),
    ...others.map((index): [string, string[]] => [`c${index}`, ["config", `r${index}`]]),
  ];
  return workflowOf("many", edges, async () => null);
}

test("a task whose ending would not fit into its record is refused before the batch begins", async () => {
  const app = testApp({ workflows: [manyJoins(limits.joinsPerTask + 1)] });
  await expect(app.engine.start({ kind: "start", workflowId: "many" })).rejects.toMatchObject({
    code: "WORKFLOW_INVALID",
    message: expect.stringContaining('task "config"'),
  });
});

test("as many as are allowed are no problem", async () => {
  const app = testApp({ workflows: [manyJoins(limits.joinsPerTask)] });
  await expect(app.engine.start({ kind: "start", workflowId: "many" })).resolves.toMatchObject({
    created: true,
  });
});
