import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { TaskError, workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";
import { runToEnd, testApp } from "../support/app.ts";

const flowOf = (work: (context: TaskContext) => unknown, policies = {}) =>
  workflow("flow").task("work", work, policies);

/** The report of the one task. */
async function reportOf(work: (context: TaskContext) => unknown, policies = {}) {
  const view = await runToEnd(testApp({ workflows: [flowOf(work, policies)] }), "flow");
  const [task] = view.tasks;
  return { task, report: task?.report, batchId: view.batchId };
}

const once = { retry: false } as const;

test("counters, warnings and errors are in the report, and do not fail the task", async () => {
  const { task, report, batchId } = await reportOf(({ count, warn, error }) => {
    count("rows");
    count("rows", 2);
    count("refunds", -1.5);
    warn("slow");
    error("row 7 is odd");
  });
  expect(task).toMatchObject({ status: "SUCCESS" });
  expect(report).toEqual({
    task: "work",
    date: task?.startedAt?.slice(0, 10),
    task_id: `${batchId}/work`,
    status: "success",
    errors: ["row 7 is odd"],
    warnings: ["slow"],
    reason: null,
    counters: { rows: 3, refunds: -1.5 },
  });
});

test("notes are kept of a task that fails, before its failure", async () => {
  const { report } = await reportOf(({ count, error }) => {
    count("rows", 2);
    error("row 7 is odd");
    throw new TaskError("no more", { code: "BROKEN" });
  }, once);
  expect(report).toMatchObject({
    status: "failed",
    errors: ["row 7 is odd", "BROKEN: no more"],
    counters: { rows: 2 },
  });
});

test("the notes are those of the last attempt", async () => {
  const { report } = await reportOf(
    ({ attempt, count, warn }) => {
      count("rows", attempt);
      warn(`attempt ${attempt}`);
      if (attempt === 1) throw new TaskError("once more");
    },
    { retry: { initial: "10ms" } },
  );
  expect(report).toMatchObject({ counters: { rows: 2 }, warnings: ["attempt 2"], errors: [] });
});

test("at most a hundred notes of each kind are kept, and long ones are cut", async () => {
  const { task, report } = await reportOf(({ count, warn, error }) => {
    for (let index = 0; index < limits.notes + 5; index++) {
      count(`counter ${index}`);
      warn(`warning ${index}`);
      error(`${index} ${"x".repeat(limits.noteCharacters)}`);
    }
    count("counter 0");
  });
  expect(task).toMatchObject({ status: "SUCCESS" });
  expect(Object.keys(report?.counters ?? {})).toHaveLength(limits.notes);
  expect(report?.counters).toMatchObject({ "counter 0": 2, "counter 99": 1 });
  expect(report?.warnings).toHaveLength(limits.notes);
  expect(report?.errors.map(({ length }) => length)).toEqual(
    Array.from({ length: limits.notes }, () => limits.noteCharacters),
  );
});

test("a counter's name is no longer than a note", async () => {
  const { report } = await reportOf(({ count }) => count("x".repeat(1_000_000)));
  expect(Object.keys(report?.counters ?? {}).map(({ length }) => length)).toEqual([limits.noteCharacters]);
});

test.each([
  ["by no number", [Number.NaN]],
  ["by infinitely much", [Number.POSITIVE_INFINITY]],
  ["beyond what a number holds", [Number.MAX_VALUE, Number.MAX_VALUE]],
])("a counter can't be raised %s: the attempt fails, and can still be shown", async (_name, amounts) => {
  const { task, report } = await reportOf(({ count }) => {
    for (const amount of amounts) count("rows", amount);
  }, once);
  expect(task).toMatchObject({ status: "ERROR", error: { message: expect.stringContaining("rows") } });
  expect(report?.status).toBe("failed");
});

test("counters have any name", async () => {
  const { report } = await reportOf(({ count }) => {
    for (const name of ["constructor", "toString", ""]) count(name);
  });
  expect(report?.counters).toEqual({ constructor: 1, toString: 1, "": 1 });
});

async function* late<Item>(items: readonly Item[]) {
  for (const item of items) {
    await new Promise((resolve) => setImmediate(resolve));
    yield item;
  }
}

test.each([
  ["a list", (items: readonly number[]) => items],
  ["a set", (items: readonly number[]) => new Set(items)],
  ["a stream", (items: readonly number[]) => late(items)],
])(
  "of %s, items that fail are counted and named, and keep none of the others from being done",
  async (_name, make) => {
    const done: [number, number][] = [];
    const { task, report } = await reportOf(
      ({ eachItem }) =>
        eachItem(make([10, 20, 30, 40]), async (item, index) => {
          if (item === 20) throw new Error("twenty is bad");
          done.push([item, index]);
        }),
      once,
    );
    expect(task).toMatchObject({ status: "SUCCESS" });
    expect(report).toMatchObject({
      status: "success",
      errors: ["item 2: twenty is bad"],
      counters: { items_processed: 3, items_failed: 1 },
    });
    expect(done).toEqual([
      [10, 0],
      [30, 2],
      [40, 3],
    ]);
  },
);

test("when every item failed the task fails, and is tried again", async () => {
  const { task, report } = await reportOf(
    ({ eachItem }) =>
      eachItem([1, 2], (item) => {
        throw new Error(`${item} is bad`);
      }),
    { retry: { maxAttempts: 2, initial: "10ms" } },
  );
  expect(task).toMatchObject({ status: "ERROR", attempts: 2, error: { code: "ALL_ITEMS_FAILED" } });
  expect(report).toMatchObject({
    errors: ["item 1: 1 is bad", "item 2: 2 is bad", "ALL_ITEMS_FAILED: All 2 items failed"],
    counters: { items_failed: 2 },
  });
});

test("no items are no failure", async () => {
  const { task, report } = await reportOf(({ eachItem }) => eachItem([], () => 1), once);
  expect(task).toMatchObject({ status: "SUCCESS" });
  expect(report).toMatchObject({ errors: [], counters: {} });
});

test("a source of items that fails fails the task: the rest was never seen", async () => {
  async function* broken() {
    yield 1;
    throw new Error("the source broke");
  }
  const { task, report } = await reportOf(({ eachItem }) => eachItem(broken(), () => 1), once);
  expect(task).toMatchObject({ status: "ERROR", error: { message: "the source broke" } });
  expect(report).toMatchObject({ counters: { items_processed: 1 } });
});

test("a task that is over its time does no further items", async () => {
  const done: number[] = [];
  const finish = Promise.withResolvers<void>();
  const { task } = await reportOf(
    ({ eachItem }) =>
      eachItem([1, 2, 3], async (item) => {
        if (item === 2) await finish.promise;
        done.push(item);
      }),
    { ...once, timeout: "100ms" },
  );
  expect(task).toMatchObject({ status: "ERROR", error: { code: "TASK_TIMEOUT" } });
  finish.resolve();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(done).toEqual([1, 2]);
});

test("items may wait: those that are done are passed over, and counted once", async () => {
  const calls: number[] = [];
  const { task, report } = await reportOf(({ eachItem, step }) =>
    eachItem([1, 2, 3], async (item) => {
      await step(`item ${item}`, () => void calls.push(item));
      await step.sleep(`rest ${item}`, "20ms");
    }),
  );
  expect(task).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(report).toMatchObject({ counters: { items_processed: 3 }, errors: [] });
  expect(calls).toEqual([1, 2, 3]);
});
