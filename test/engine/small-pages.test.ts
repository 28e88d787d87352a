import { expect, test } from "vitest";
import * as z from "zod";
import { limits } from "../../src/core/limits.ts";
import { deleteSteps } from "../../src/engine/steps.ts";
import { workflow } from "../../src/index.ts";
import type { DocumentStore } from "../../src/ports/store.ts";
import { runToEnd, testApp } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

const flow = workflow("flow", { input: z.object({ id: z.number() }) }).task(
  "work",
  ({ step }) => step("look up", () => 1),
  { idempotency: { key: { fields: ["id"] } }, callback: { url: "http://127.0.0.1:9/" } },
);

test("steps and callbacks, which hold results, are read a few at a time", async () => {
  const asked: [string, number][] = [];
  let opened: DocumentStore | undefined;
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) => {
      const watched = withStore(dependencies, (store) => ({
        query: (collection, conditions, options) => {
          if (collection === "steps" || collection === "callbacks") asked.push([collection, options.limit]);
          return store.query(collection, conditions, options);
        },
      }));
      opened = watched.store;
      return watched;
    },
  });
  const { batchId } = await runToEnd(app, "flow", { id: 1 });
  asked.length = 0;
  const { execution, steps } = await app.engine.admin.executions.explain("flow/work?id=1");
  expect(steps).toHaveLength(1);
  await app.engine.admin.callbacks.ofBatch(batchId);
  if (opened) await deleteSteps(opened, execution);
  const few = limits.largeDocumentsPage;
  expect(asked).toEqual([
    ["steps", few],
    ["callbacks", few],
    ["callbacks", few],
    ["steps", few],
  ]);
});

test("steps whose deletion is refused do not count as deleted: their record leads to them", async () => {
  const opened: DocumentStore[] = [];
  const app = testApp({
    workflows: [flow],
    environment: { BATON_SWEEP: "1h" },
    around: (dependencies) => {
      const refusing = withStore(dependencies, (store) => ({
        commitEach: async (writes) =>
          writes[0]?.kind === "delete"
            ? writes.map(() => ({ ok: false, error: new Error("UNAVAILABLE") }))
            : store.commitEach(writes),
      }));
      opened.push(refusing.store);
      return refusing;
    },
  });
  await runToEnd(app, "flow", { id: 1 });
  const { execution } = await app.engine.admin.executions.explain("flow/work?id=1");
  await expect(Promise.all(opened.map((store) => deleteSteps(store, execution)))).rejects.toThrow(
    "UNAVAILABLE",
  );
});
