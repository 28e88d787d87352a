import { expect, test } from "vitest";
import { deriveBatchId } from "../../src/core/batch.ts";
import type { Execution } from "../../src/core/idempotency-lock.ts";
import {
  decideErasure,
  eraseFailure,
  hasBatchId,
  referencedObjects,
} from "../../src/core/storage/erasure.ts";

const forgotten = new Set(["mine", "mine-2"]);
const of = (batchId: string) => ({ batchId, taskId: "t", attempt: 1, worker: "w", endedAt: 1 });
const failure = (batchId: string) => ({
  ...of(batchId),
  error: { code: "TASK_FAILED", message: "Ada is not known", retryable: true },
});

function record(changes: Partial<Execution>): Execution {
  return {
    key: "k",
    state: "FREE",
    token: 1,
    generation: "g",
    holder: null,
    dueSeconds: 100,
    result: null,
    callbackId: null,
    producedBy: null,
    lastFailure: null,
    nonce: "n",
    ...changes,
  };
}

const { endedAt: _, ...holder } = of("other");
const { endedAt: __, ...ownHolder } = of("mine");

test.each([
  [record({ state: "SUCCESS", producedBy: of("mine") }), "deleted"],
  [record({ state: "SUCCESS", producedBy: of("mine-2"), lastFailure: failure("other") }), "deleted"],
  [record({ state: "SUCCESS", producedBy: of("other") }), "kept"],
  [record({ state: "SUCCESS", producedBy: of("other"), lastFailure: failure("mine") }), "scrubbed"],
  [record({ lastFailure: failure("mine") }), "deleted"],
  [record({ producedBy: of("other"), lastFailure: failure("mine") }), "deleted"],
  [record({ lastFailure: failure("other") }), "kept"],
  [record({}), "kept"],
  [record({ state: "PROCESSING", holder: ownHolder }), "locked"],
  [record({ state: "PROCESSING", holder, lastFailure: failure("mine") }), "locked"],
  [record({ state: "PROCESSING", holder, producedBy: of("mine") }), "locked"],
  [record({ state: "PROCESSING", holder }), "kept"],
] as const)("the fields of a record decide: %j is %s", (execution, fate) => {
  expect(decideErasure(execution, forgotten, false)).toBe(fate);
});

test("a batch id in a record's text does not make it that batch's", () => {
  const quoted = { ...failure("other"), error: { code: "X", message: 'in "mine"', retryable: false } };
  const execution = record({ state: "SUCCESS", producedBy: of("other"), lastFailure: quoted });
  expect(decideErasure({ ...execution, key: "mine", result: { value: "mine" } }, forgotten, false)).toBe(
    "kept",
  );
});

test("steps of an erased batch lock the record while a call works with them", () => {
  expect(decideErasure(record({ state: "PROCESSING", holder }), forgotten, true)).toBe("locked");
  expect(decideErasure(record({}), forgotten, true)).toBe("kept");
});

test("a result counts no longer for the failure that was taken out of its record", () => {
  const execution = record({ state: "SUCCESS", dueSeconds: 100, lastFailure: failure("mine") });
  expect(eraseFailure(execution, 40_000, "m")).toEqual({
    ...execution,
    lastFailure: null,
    dueSeconds: 60,
    nonce: "m",
  });
  expect(eraseFailure(execution, 400_000, "m").dueSeconds).toBe(0);
});

const body = (value: unknown) => Buffer.from(JSON.stringify(value));
const base64 = (value: unknown) => body(value).toString("base64");

test.each([
  { kind: "task", batchId: "mine", taskId: "t" },
  { event: "paid", batchId: "mine-2", payload: {} },
  { message: { data: base64({ batchId: "mine", taskId: "t" }), attributes: {} } },
  { specversion: "1.0", data: { message: { data: base64({ batchId: "mine" }) } } },
  { specversion: "1.0", data_base64: base64({ batchId: "mine" }) },
  [[{ batchId: "mine" }]],
])("a message names its batch: %j", (message) => {
  expect(hasBatchId(body(message), forgotten)).toBe(true);
});

test.each([
  { kind: "task", batchId: "other", taskId: "mine" },
  { event: "mine", batchId: "other", payload: "mine" },
  { workflowId: "flow", key: "mine" },
  { message: { data: base64({ batchId: "other" }) } },
  { message: { data: "mine" } },
  "mine",
  null,
])("a message of another batch does not: %j", (message) => {
  expect(hasBatchId(body(message), forgotten)).toBe(false);
});

test("a start names the batch of its key", () => {
  const started = new Set([deriveBatchId("flow", "may")]);
  expect(hasBatchId(body({ workflowId: "flow", key: "may", input: 1 }), started)).toBe(true);
  expect(hasBatchId(body({ workflowId: "flow", key: "june", input: 1 }), started)).toBe(false);
});

test("text that is not JSON, or is too deep for a message, is searched too", () => {
  expect(hasBatchId(Buffer.from('{"batchId":"mine"'), forgotten)).toBe(false);
  expect(hasBatchId(Uint8Array.of(0xff, 0xfe), forgotten)).toBe(false);
  const deep = `${"[".repeat(100_000)}{"batchId":"mine"}${"]".repeat(100_000)}`;
  expect(hasBatchId(Buffer.from(deep), forgotten)).toBe(true);
});

test("the files that a value names are found, wherever they stand in it", () => {
  const file = { bucket: "inbox", object: "sales/a.csv", generation: "1" };
  const value = { file, more: [{ bucket: "reports", object: "r.html" }], bucket: "alone", n: 1 };
  expect([...referencedObjects(value)]).toEqual(
    expect.arrayContaining([
      { bucket: "inbox", object: "sales/a.csv" },
      { bucket: "reports", object: "r.html" },
    ]),
  );
  expect([...referencedObjects(value)]).toHaveLength(2);
});
