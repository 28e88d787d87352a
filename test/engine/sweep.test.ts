import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Message } from "../../src/core/messages.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { workflow } from "../../src/index.ts";
import { testApp } from "../support/app.ts";
import { withStore } from "../support/faults.ts";

const idle = workflow("idle").task("waits", ({ waitForCompletion }) => waitForCompletion("1h"));

/** An app that publishes nothing and keeps what it would have published. */
function withoutBroker() {
  const published: Message[] = [];
  const around = (dependencies: Dependencies): Dependencies => ({
    ...dependencies,
    broker: {
      async publish(messages) {
        published.push(...messages.map(({ message }) => message));
      },
    },
  });
  return { app: testApp({ workflows: [idle], around }), published };
}

test("one sweep message handles one page of batches, and the next message the following page", async () => {
  const { app, published } = withoutBroker();
  const count = limits.documentsPerSweep + 3;
  for (let n = 0; n < count; n += 1)
    await app.engine.start({ kind: "start", workflowId: "idle", key: String(n) });
  published.length = 0;
  await app.engine.sweep();
  const redriven = () =>
    published.flatMap((message) => (message.kind === "redrive" ? [message.batchId] : []));
  expect(redriven()).toHaveLength(limits.documentsPerSweep);
  const next = published.filter((message) => message.kind === "sweep");
  expect(next).toEqual([{ kind: "sweep", part: "batches", after: expect.any(String) }]);
  for (const message of next) await app.engine.sweep(message);
  expect(new Set(redriven()).size).toBe(count);
  expect(published.filter((message) => message.kind === "sweep")).toHaveLength(1);
});

test("a message of a sweep that names a part looks at nothing else", async () => {
  const looked: string[] = [];
  const app = testApp({
    workflows: [idle],
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        query: async (collection, conditions, options) => {
          looked.push(collection);
          return store.query(collection, conditions, options);
        },
      })),
  });
  const lookedAt = async (part?: "batches" | "callbacks") => {
    looked.length = 0;
    await app.engine.sweep({ kind: "sweep", ...(part && { part }) });
    return looked.filter((collection) => collection === "batches" || collection === "callbacks");
  };
  expect(await lookedAt("batches")).toEqual(["batches"]);
  expect(await lookedAt("callbacks")).toEqual(["callbacks"]);
  expect(await lookedAt()).toEqual(["batches", "callbacks"]);
});
