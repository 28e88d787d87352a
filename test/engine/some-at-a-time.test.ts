import { expect, it } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { withBoundedConcurrency } from "../../src/engine/records/bulk.ts";
import { archiveFile, workflow } from "../../src/index.ts";
import type { DocumentStore, MaybePromise } from "../../src/ports/store.ts";
import { runToEnd, testApp } from "../support/app.ts";

/** How many calls are under way at the same time at most. */
class Gauge {
  most = 0;
  #now = 0;

  async during<T>(work: () => MaybePromise<T>): Promise<T> {
    this.#now += 1;
    this.most = Math.max(this.most, this.#now);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      return await work();
    } finally {
      this.#now -= 1;
    }
  }
}

it("does all of it, in order, a bounded number at a time", async () => {
  const gauge = new Gauge();
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  const doubled = await withBoundedConcurrency(numbers, (number) => gauge.during(async () => number * 2));
  expect(doubled).toEqual(numbers.map((number) => number * 2));
  expect(gauge.most).toBe(limits.parallelRequests);
});

it("begins nothing more once one has failed, and leaves nothing under way", async () => {
  let started = 0;
  let ended = 0;
  const work = async (number: number) => {
    started += 1;
    await new Promise((resolve) => setImmediate(resolve));
    ended += 1;
    if (number === 10) throw new Error("ten");
  };
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  await expect(withBoundedConcurrency(numbers, work)).rejects.toThrow("ten");
  expect(started).toBe(ended);
  expect(started).toBeLessThan(500);
});

/**
 * A workflow of `tasks` keyed tasks that wait, and one after them all. Its store counts how many reads are under
 * way.
 */
async function wide(tasks: number) {
  const gauge = new Gauge();
  let flow = workflow("wide");
  const ids = Array.from({ length: tasks }, (_, index) => `t${index}`);
  for (const id of ids)
    flow = flow.task(id, (task) => task.waitForCompletion("1h"), {
      idempotency: { key: () => id },
    }) as typeof flow;
  const whole = flow.task("last", () => 1, { after: ids as never[] });
  const app = testApp({
    workflows: [whole],
    around: (dependencies) => ({ ...dependencies, store: gauged(dependencies.store, gauge) }),
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "wide" });
  return { app, batchId, gauge };
}

function gauged(store: DocumentStore, gauge: Gauge): DocumentStore {
  return {
    get: (key) => gauge.during(() => store.get(key)),
    commit: (writes) => store.commit(writes),
    commitEach: (writes) => store.commitEach(writes),
    count: (collection, condition) => store.count(collection, condition),
    query: (collection, conditions, options) => store.query(collection, conditions, options),
    newest: (...read) => store.newest(...read),
    inOrder: (...read) => store.inOrder(...read),
    mark: () => store.mark(),
    sync: (since) => store.sync(since),
  };
}

it("a message from outside reads the parents of a task a bounded number at a time", async () => {
  const { app, batchId, gauge } = await wide(300);
  gauge.most = 0;
  const message = { kind: "task", batchId, taskId: "last" } as const;
  await app.engine.handleTask(message, { unit: app.engine.begin() });
  expect(gauge.most).toBe(limits.parallelRequests);
});

it("a cancel gives the keys of its tasks back a bounded number at a time", async () => {
  const { app, batchId, gauge } = await wide(120);
  app.work.start();
  const waiting = async () =>
    (await app.engine.admin.show(batchId)).tasks.filter(({ status }) => status === "WAITING").length;
  await expect.poll(waiting).toBe(120);
  await app.work.stop();
  gauge.most = 0;
  await app.engine.cancel(batchId);
  expect(gauge.most).toBeGreaterThan(1);
  expect(gauge.most).toBeLessThanOrEqual(limits.parallelRequests);
  for (let task = 0; task < 120; task += 1)
    expect((await app.engine.admin.executions.find(`t${task}`))?.data.state).not.toBe("PROCESSING");
});

it.each([
  ["one", "{{ parents.a }}"],
  ["many", { bucket: "{{ parents.a.bucket }}", object: "{{ parents.a.object }}" }],
])("the result of a parent is read once for %s placeholders", async (_number, file) => {
  let reads = 0;
  const app = testApp({
    workflows: [
      workflow("placeholders")
        .task("a", () => ({ bucket: "inbox", object: "archive/a.csv" }))
        .task("b", archiveFile({ to: "archive/", file }), { after: ["a"], retry: { maxAttempts: 1 } }),
    ],
    around: (dependencies) => ({
      ...dependencies,
      runner: {
        customKey: (call) => dependencies.runner.customKey(call),
        condition: (call) => dependencies.runner.condition(call),
        cancel: (cancelled) => dependencies.runner.cancel(cancelled),
        run: (assignment) =>
          dependencies.runner.run({
            ...assignment,
            parentOutcome: (taskId) => {
              reads += 1;
              return assignment.parentOutcome(taskId);
            },
          }),
      },
    }),
  });
  await runToEnd(app, "placeholders");
  expect(reads).toBe(1);
});
