import { expect, test } from "vitest";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { untilEnded } from "../support/app.ts";
import { chaosApp } from "../support/chaos.ts";
import { type Edges, workflowOf } from "../support/graphs.ts";

/** Runs the graph with every message delivered twice and in random order; gives how often each task ran. */
async function runDuplicated(edges: Edges, seed: number) {
  const runs = new Map<string, number>();
  const graph: BuiltWorkflow = workflowOf("graph", edges, async ({ taskId }) => {
    runs.set(taskId, (runs.get(taskId) ?? 0) + 1);
    await new Promise((resolve) => setImmediate(resolve));
    return taskId;
  });
  const app = chaosApp(graph, { seed, copies: 2, concurrency: 50 });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "graph" });
  const view = await untilEnded(app, batchId);
  return { view, runs };
}

function expectEachOnce({ view, runs }: Awaited<ReturnType<typeof runDuplicated>>, edges: Edges) {
  expect(view.status).toBe("SUCCESS");
  expect(view.tasks.every((task) => task.status === "SUCCESS" && task.attempts === 1)).toBe(true);
  expect([...runs.values()].every((count) => count === 1)).toBe(true);
  expect(runs.size).toBe(edges.length);
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

test.each([1, 2, 3])(
  "1 → 300 → 1, every message twice and in random order: each task runs once (seed %i)",
  async (seed) => {
    const middle = names("m", 300);
    const edges: Edges = [
      ["first", []],
      ...middle.map((id): [string, string[]] => [id, ["first"]]),
      ["last", middle],
    ];
    expectEachOnce(await runDuplicated(edges, seed), edges);
  },
);

test.each([1, 2])(
  "three layers of 40 × 40, every message twice and in random order: each task runs once (seed %i)",
  async (seed) => {
    const layers = [names("a", 40), names("b", 40), names("c", 40)];
    const edges: Edges = layers.flatMap((layer, index) =>
      layer.map((id): [string, string[]] => [id, layers[index - 1] ?? []]),
    );
    expectEachOnce(await runDuplicated(edges, seed), edges);
  },
);
