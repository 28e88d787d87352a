import { expect, test } from "vitest";
import type { Idempotency } from "../../src/core/idempotency-key.ts";
import {
  claimExecution,
  decideAdmission,
  type Execution,
  ExecutionSchema,
  executionId,
  executionIdentity,
  type Holder,
  holdForCancel,
  isExpiredExecution,
  keyStepScope,
  lockedOutcome,
  releaseExecution,
  resetResult,
  settleExecution,
} from "../../src/core/idempotency-lock.ts";
import { limits } from "../../src/core/limits.ts";

const holder: Holder = { batchId: "one", taskId: "work", attempt: 2, worker: "w1" };
const other = { batchId: "two", taskId: "work" };
const stamp = { nonce: "n2", now: 5_000 };

const idempotency: Idempotency = {
  key: { by: "arguments" },
  scope: "global",
  ttlSeconds: 100,
  lockSeconds: 30,
  onLocked: "wait",
  recurring: false,
};

const locked: Execution = {
  key: "flow/work?a=1",
  state: "PROCESSING",
  token: 4,
  generation: "g1",
  holder,
  dueSeconds: 30,
  result: null,
  callbackId: null,
  producedBy: null,
  lastFailure: null,
  nonce: "n1",
};

const succeeded: Execution = {
  ...locked,
  state: "SUCCESS",
  holder: null,
  dueSeconds: 100,
  result: { value: { rows: 3 } },
  callbackId: "evt_1",
  producedBy: { ...holder, endedAt: 4_000 },
};
const free: Execution = { ...locked, state: "FREE", holder: null, dueSeconds: 50 };

const restart = { kind: "take", token: 5, generation: undefined };
const takeOver = { kind: "take", token: 5, generation: "g1" };

test.each([
  ["no record: claim it, and restart", undefined, { kind: "take", token: 1, generation: undefined }],
  [
    "a live lock: held",
    { execution: locked, ageMs: 0 },
    { kind: "locked", remainingMs: 30_000, byCancel: false },
  ],
  [
    "a lock in its last instant: held",
    { execution: locked, ageMs: 29_999.5 },
    { kind: "locked", remainingMs: 1, byCancel: false },
  ],
  ["a lock whose lease is over: take over", { execution: locked, ageMs: 30_000 }, takeOver],
  ["a success: done", { execution: succeeded, ageMs: 99_999 }, { kind: "completed", execution: succeeded }],
  ["an expired success: restart", { execution: succeeded, ageMs: 100_000 }, restart],
  ["a free key with steps: continue with them", { execution: free, ageMs: 49_999 }, takeOver],
  ["a free key whose steps have expired: restart", { execution: free, ageMs: 50_000 }, restart],
] as const)("a call that finds %s", (_name, found, expected) => {
  expect(decideAdmission(found, other)).toEqual(expected);
});

test.each([
  ["the same task of the same batch", { batchId: "one", taskId: "work" }, takeOver],
  [
    "another task of the same batch",
    { batchId: "one", taskId: "else" },
    { kind: "locked", remainingMs: 29_000, byCancel: false },
  ],
  [
    "the same task of another batch",
    { batchId: "two", taskId: "work" },
    { kind: "locked", remainingMs: 29_000, byCancel: false },
  ],
])("a live lock that is met by %s", (_name, arriving, expected) => {
  expect(decideAdmission({ execution: locked, ageMs: 1_000 }, arriving)).toEqual(expected);
});

test("a claim that restarts has a new generation, and removes the result but not its producer", () => {
  const claim = { holder: { ...holder, batchId: "two" }, lockSeconds: 30, nonce: "n9" };
  expect(claimExecution("flow/work?a=1", succeeded, { token: 5, generation: undefined }, claim)).toEqual({
    ...locked,
    token: 5,
    generation: "n9",
    holder: { ...holder, batchId: "two" },
    producedBy: succeeded.producedBy,
    nonce: "n9",
  });
});

test("a claim that takes over continues in the same generation", () => {
  const claim = { holder, lockSeconds: 30, nonce: "n9" };
  const taken = claimExecution("flow/work?a=1", free, { token: 5, generation: "g1" }, claim);
  expect(taken).toMatchObject({
    state: "PROCESSING",
    token: 5,
    generation: "g1",
    dueSeconds: 30,
    nonce: "n9",
  });
});

test("after a success the record is the cached result for its time-to-live", () => {
  const end = { kind: "succeeded", result: { value: 1 }, callbackId: "evt_2" } as const;
  expect(settleExecution(locked, idempotency, end, stamp)).toEqual({
    ...locked,
    state: "SUCCESS",
    holder: null,
    dueSeconds: 100,
    result: { value: 1 },
    callbackId: "evt_2",
    producedBy: { ...holder, endedAt: 5_000 },
    nonce: "n2",
  });
});

test("after a success of a recurring task nothing is cached, and the next call restarts at once", () => {
  const end = { kind: "succeeded", result: { value: 1 }, callbackId: "evt_2" } as const;
  const after = settleExecution(locked, { ...idempotency, recurring: true }, end, stamp);
  expect(after).toMatchObject({ state: "FREE", holder: null, result: null, callbackId: null });
  expect(after.producedBy).toEqual({ ...holder, endedAt: 5_000 });
  expect(decideAdmission({ execution: after, ageMs: 0 }, other)).toEqual(restart);
});

test("a failure is never cached: the lock is free at once, what the steps have stored is kept", () => {
  const error = { code: "HTTP_FAILED", message: "no answer", retryable: true };
  const after = settleExecution(locked, idempotency, { kind: "failed", error }, stamp);
  expect(after).toEqual({
    ...locked,
    state: "FREE",
    holder: null,
    dueSeconds: limits.unfinishedExecutionSeconds,
    lastFailure: { ...holder, endedAt: 5_000, error },
    nonce: "n2",
  });
  expect(decideAdmission({ execution: after, ageMs: 0 }, other)).toEqual(takeOver);
});

test("a released task frees the lock, and leaves no failure", () => {
  const after = settleExecution(locked, idempotency, { kind: "released" }, stamp);
  expect(after).toMatchObject({ state: "FREE", holder: null, lastFailure: null, generation: "g1" });
});

test("a task that parks keeps its lock for the wait and a lease more", () => {
  const after = settleExecution(locked, idempotency, { kind: "parked", seconds: 600 }, stamp);
  expect(after).toEqual({ ...locked, dueSeconds: 630, nonce: "n2" });
  expect(decideAdmission({ execution: after, ageMs: 600_000 }, other)).toMatchObject({ kind: "locked" });
});

test("an unlocked key is taken by the next call with a higher token and the same steps", () => {
  expect(decideAdmission({ execution: releaseExecution(locked, "n2"), ageMs: 0 }, other)).toEqual(takeOver);
});

test("a cleared key restarts", () => {
  const after = resetResult(succeeded, "n2");
  expect(after).toMatchObject({ state: "FREE", result: null, callbackId: null, nonce: "n2" });
  expect(decideAdmission({ execution: after, ageMs: 0 }, other)).toEqual(restart);
});

test("a task whose key is locked waits for a growing time, or is skipped, but not for a cancel", () => {
  const { first, most } = limits.lockPollSeconds;
  const lock = { kind: "locked", remainingMs: 3_600_000, byCancel: false } as const;
  const wait = (seconds: number) => ({ kind: "parked", reason: "lock_held", seconds });
  expect(lockedOutcome(idempotency, 0, lock)).toEqual(wait(first));
  expect(lockedOutcome(idempotency, 1, lock)).toEqual(wait(first * 2));
  expect(lockedOutcome(idempotency, 50, lock)).toEqual(wait(most));
  expect(lockedOutcome(idempotency, 50, { ...lock, remainingMs: 500 })).toEqual(wait(0.5));
  const skips = { ...idempotency, onLocked: "skip" } as const;
  expect(lockedOutcome(skips, 0, lock)).toEqual({ kind: "lock_held" });
  expect(lockedOutcome(skips, 0, { ...lock, byCancel: true })).toEqual(wait(first));
});

test("a key that is held for a cancel is locked, and says so", () => {
  const held = holdForCancel(free, holder, "n2");
  expect(decideAdmission({ execution: held, ageMs: 0 }, other)).toEqual({
    kind: "locked",
    remainingMs: limits.cancelLockSeconds * 1_000,
    byCancel: true,
  });
});

test("the purpose of a lock is a field of its record, and in old records the end of the worker's name", () => {
  const held = holdForCancel(free, holder, "n2");
  expect(ExecutionSchema.parse(held)).toEqual(held);
  const old = { ...held, holder: { ...holder, worker: `${holder.worker} (cancelling)` } };
  expect(ExecutionSchema.parse(old)).toEqual(held);
  // A worker that is named so by its machine runs the task as any other.
  const run = { ...locked, holder: { ...holder, worker: "the machine (cancelling) of old:1" } };
  expect(decideAdmission({ execution: ExecutionSchema.parse(run), ageMs: 0 }, other)).toMatchObject({
    kind: "locked",
    byCancel: false,
  });
});

test.each([
  ["a live success", succeeded, 99_999, false],
  ["a success that has run out", succeeded, 100_000, true],
  ["a free key with steps", free, 49_999, false],
  ["a free key without", free, 50_000, true],
  ["a lock, however old", locked, 1e12, false],
] as const)("%s: whether it is spent", (_name, execution, ageMs, expected) => {
  expect(isExpiredExecution(execution, ageMs)).toBe(expected);
  // A record has expired if the next call would restart: only then may its steps be deleted.
  if (expected) expect(decideAdmission({ execution, ageMs }, other)).toEqual(restart);
});

test("documents and steps of different keys and generations never meet", () => {
  const keys = ["flow/work?a=1", "flow/work?a=2", "flow/work?a=1&b=", "flow/work2?a=1"];
  expect(new Set(keys.map(executionId)).size).toBe(keys.length);
  const task = { batchId: "b-1.x", taskId: "work" };
  const scopes = [
    executionIdentity(undefined, task).steps,
    executionIdentity(undefined, { batchId: "b-1", taskId: "work" }).steps,
    keyStepScope({ key: "flow/work?a=1", generation: "g1" }),
    keyStepScope({ key: "flow/work?a=1", generation: "g2" }),
    keyStepScope({ key: "flow/work?a=2", generation: "g1" }),
  ];
  expect(new Set(scopes).size).toBe(scopes.length);
});
