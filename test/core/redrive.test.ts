import { expect, test } from "vitest";
import { isRedrivable, type Message } from "../../src/core/messages.ts";
import type { TaskLog } from "../../src/core/records.ts";
import { RedriveSurvey } from "../../src/core/sweep.ts";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";
import { buildGraph } from "../../src/core/workflow/graph.ts";
import { logOf } from "../support/logs.ts";

/** a → (b, c) → d */
const graph = buildGraph({
  format: 1,
  workflowId: "w",
  tasks: [
    applyTaskDefaults({ id: "a", type: "function" }),
    applyTaskDefaults({ id: "b", type: "function", after: ["a"] }),
    applyTaskDefaults({ id: "c", type: "function", after: ["a"] }),
    applyTaskDefaults({ id: "d", type: "function", after: ["b", "c"] }),
  ],
});

function plan(logs: Readonly<Record<string, Partial<TaskLog>>>, ageMs = 1_000) {
  const survey = new RedriveSurvey();
  for (const [taskId, fields] of Object.entries(logs))
    survey.add({ log: logOf({ taskId, ...fields }), ageMs });
  const { execute, complete } = survey.plan(graph);
  return { execute, complete: complete.map(({ taskId }) => taskId) };
}

const success = { status: "SUCCESS" } as const;
const running = { status: "PROCESSING", dueSeconds: 30 } as const;
const nothing = { execute: [], complete: [] };

test("a batch none of whose tasks was started: its roots", () => {
  expect(plan({})).toEqual({ execute: ["a"], complete: [] });
});

test("running work needs no redrive", () => {
  expect(plan({ a: running })).toEqual(nothing);
  expect(plan({ a: success, b: running, c: success })).toEqual(nothing);
  expect(plan({ a: { status: "WAITING", reason: "retry", dueSeconds: 60 } })).toEqual(nothing);
});

test("an expired lease or wait: the task again", () => {
  expect(plan({ a: running }, 31_000)).toEqual({ execute: ["a"], complete: [] });
  expect(plan({ a: { status: "WAITING", reason: "completion", dueSeconds: 1 } })).toEqual({
    execute: ["a"],
    complete: [],
  });
});

test("children that were not started, and no others", () => {
  expect(plan({ a: success, b: running })).toEqual({ execute: ["c"], complete: [] });
  expect(plan({ a: success, b: success, c: success })).toEqual({ execute: ["d"], complete: [] });
});

test("a child that is to be skipped: the completion of a parent, once all have ended", () => {
  expect(plan({ a: success, b: running, c: { status: "ERROR" } })).toEqual(nothing);
  expect(plan({ a: success, b: success, c: { status: "ERROR" } }).complete).toEqual(["b"]);
});

test("every task ended and the batch did not: its end", () => {
  expect(plan({ a: success, b: success, c: success, d: success })).toEqual({
    execute: ["$end"],
    complete: [],
  });
});

test.each<[Message, boolean]>([
  [{ kind: "task", batchId: "b", taskId: "a" }, true],
  [
    {
      kind: "task",
      batchId: "b",
      taskId: "a",
      previousTaskId: "a",
      ending: { status: "SUCCESS", reason: null },
    },
    true,
  ],
  [{ kind: "task", batchId: "b", taskId: "a", previousTaskId: "a" }, false],
  [{ kind: "task", batchId: "b", taskId: "a", previousTaskId: "a", completion: { result: 1 } }, false],
  [{ kind: "start", workflowId: "w" }, false],
  [{ kind: "object", bucket: "b", object: "o", generation: "1" }, false],
])("%j can be brought back from the records: %s", (message, expected) => {
  expect(isRedrivable(message)).toBe(expected);
});
