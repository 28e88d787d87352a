import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { Newest } from "../../src/engine/queries/batch-list.ts";
import { workflow } from "../../src/index.ts";
import { testApp, untilEnded } from "../support/app.ts";

test("keeps the newest, newest first, and counts the others", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000)), fc.integer({ min: 1, max: 20 }), (times, limit) => {
      const newest = new Newest<number>(limit, (time) => time);
      for (const time of times) newest.add(time);
      const sorted = times.toSorted((one, other) => other - one);
      expect(newest.total).toBe(times.length);
      expect(newest.rows).toEqual(sorted.slice(0, limit));
      expect(newest.more).toBe(Math.max(0, times.length - limit));
    }),
  );
});

test("a list has as many batches as were asked for, the newest, and says how many more there are", async () => {
  const app = testApp({ workflows: [workflow("one").task("a", () => 1)] });
  const started: string[] = [];
  app.work.start();
  for (let n = 0; n < 7; n++) {
    const { batchId } = await app.engine.start({ kind: "start", workflowId: "one" });
    await untilEnded(app, batchId);
    started.push(batchId);
  }
  const { batches, hasMore } = await app.engine.admin.batches({}, { limit: 3 });
  expect(batches.map(({ batchId }) => batchId)).toEqual(started.slice(-3).reverse());
  expect(hasMore).toBe(true);
});

test("only the newest of very many steps of a key are explained, with long values cut", async () => {
  const steps = limits.explainedRows + 5;
  const flow = workflow("flow").task(
    "work",
    async ({ step }) => {
      for (let n = 0; n < steps; n++) await step(`step ${n}`, () => "x".repeat(1_000));
    },
    { idempotency: { key: () => "k" } },
  );
  const app = testApp({ workflows: [flow] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  const view = await untilEnded(app, batchId);
  const found = await app.engine.admin.executions.explain(view.tasks[0]?.key ?? "");
  expect(found.steps).toHaveLength(limits.explainedRows);
  expect(found.more).toBe(5);
  expect(Math.max(...found.steps.map(({ value }) => value.length))).toBe(limits.shownResultCharacters + 1);
});
