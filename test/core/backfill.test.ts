import { expect, test } from "vitest";
import { backfillKey, decideItem, type ItemKey, keyFromInput } from "../../src/cli/backfill/items.ts";
import type { LineageRun } from "../../src/core/batch.ts";
import { executionKey, type Idempotency } from "../../src/core/idempotency-key.ts";
import { defaults } from "../../src/core/limits.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";

function run(batchId: string, status: LineageRun["status"], run: number, second = 0): LineageRun {
  return { batchId, status, run, createdAt: `2026-11-21T00:00:0${second}.000Z` };
}

const done: ItemKey = { key: "flow/a?x=1", completed: true };
const notDone: ItemKey = { key: "flow/b?x=1", completed: false };
const unknown: ItemKey = { key: null, completed: false };

test.each<[string, LineageRun[], ItemKey[], string, string]>([
  ["nothing is known of it", [], [], "run", "new"],
  ["no task has a key", [], [unknown], "run", "new"],
  ["the work of every task is done", [], [done, done], "skip", "already_completed: flow/a?x=1"],
  ["the work of one is not", [], [done, notDone], "run", "new"],
  ["one has no key that is known", [], [done, unknown], "run", "new"],
  ["its batch succeeded", [run("a", "SUCCESS", 1)], [], "skip", "done: a"],
  ["its batch runs", [run("a", "RUNNING", 1)], [], "follow", "running: a"],
  ["its batch failed", [run("a", "ERROR", 1)], [], "retry", "failed: a"],
  ["its batch was cancelled", [run("a", "CANCELLED", 1)], [], "retry", "cancelled: a"],
  ["its batch failed, with all work done elsewhere", [run("a", "ERROR", 1)], [done], "retry", "failed: a"],
  ["its retry failed", [run("a", "ERROR", 1), run("b", "ERROR", 2)], [], "retry", "failed: b"],
  ["its retry runs", [run("b", "RUNNING", 2), run("a", "ERROR", 1)], [], "follow", "running: b"],
  ["its retry succeeded", [run("a", "ERROR", 1), run("b", "SUCCESS", 2)], [], "skip", "done: b"],
  [
    "of two retries with two definitions the newer failed, the older succeeded",
    [run("a", "ERROR", 1), run("b", "SUCCESS", 2, 1), run("c", "ERROR", 2, 2)],
    [],
    "skip",
    "done: b",
  ],
  [
    "of two retries the newer failed, the older runs",
    [run("a", "ERROR", 1), run("b", "RUNNING", 2, 1), run("c", "ERROR", 2, 2)],
    [],
    "follow",
    "running: b",
  ],
  [
    "both of two retries failed",
    [run("c", "ERROR", 2, 2), run("a", "ERROR", 1), run("b", "CANCELLED", 2, 1)],
    [],
    "retry",
    "failed: c",
  ],
])("%s", (_, runs, keys, action, reason) => {
  expect(decideItem(runs, keys)).toMatchObject({ action, reason });
});

test("equal items have one key, whatever the order of their fields", () => {
  expect(backfillKey({ a: 1, b: [2] })).toBe(backfillKey({ b: [2], a: 1 }));
  expect(backfillKey({ a: 1 })).not.toBe(backfillKey({ a: "1" }));
  expect(backfillKey(null)).toMatch(/^backfill [0-9a-f]{64}$/);
});

const global: Idempotency = { ...defaults.idempotency, key: { by: "arguments" } };
const fields: Idempotency = { ...global, key: { by: "fields", fields: ["id", "part?"] } };
const byDate: Idempotency = { ...global, key: { by: "date", timeZone: "UTC" } };
const byFunction: Idempotency = { ...global, key: { by: "function" } };

/** The key that the engine would give the task in a batch of this input. */
function engineKey(idempotency: Idempotency, input: JsonValue, custom?: string): string {
  const call = { workflowId: "flow", taskId: "a", batchId: "b", arguments: input, claimedAt: 123 };
  return executionKey(idempotency, call, custom);
}

test.each<[string, Idempotency, JsonValue, string | undefined]>([
  ["all arguments", global, { id: 1 }, undefined],
  ["fields", fields, { id: 1, other: 2 }, undefined],
  ["optional fields", fields, { id: 1, part: "x" }, undefined],
  ["a date that is given", byDate, { date: "2026-11-21" }, undefined],
  ["a function", byFunction, { id: 1 }, "mine"],
])("a key by %s is computed from the input", (_, idempotency, input, custom) => {
  const task = applyTaskDefaults({ id: "a", type: "function", idempotency });
  expect(keyFromInput("flow", task, input, custom)).toBe(engineKey(idempotency, input, custom));
});

test.each<[string, string, Idempotency | undefined, JsonValue]>([
  ["a task without idempotency", "function", undefined, {}],
  ["a key of its batch", "function", { ...global, scope: "batch" }, {}],
  ["a built-in, whose arguments may come from its parents", "http", global, {}],
  ["a missing field", "function", fields, { part: "x" }],
  ["a field that is no text", "function", fields, { id: [] }],
  ["the day on which it begins", "function", byDate, { id: 1 }],
  ["a date that is none", "function", byDate, { date: "soon" }],
  ["a date that is an object", "function", byDate, { date: {} }],
  ["a function that gave nothing", "function", byFunction, {}],
])("no key is computed from the input: %s", (_, type, idempotency, input) => {
  expect(keyFromInput("flow", applyTaskDefaults({ id: "a", type, idempotency }), input)).toBeNull();
});
