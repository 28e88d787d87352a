import { expect, test } from "vitest";
import { decideClaim } from "../../src/core/claim.ts";
import { limits } from "../../src/core/limits.ts";
import { logOf } from "../support/logs.ts";

test.each([
  ["a live lease", logOf({ status: "PROCESSING", dueSeconds: 30 }), 29_999, { kind: "held", remainingMs: 1 }],
  [
    "a lease that is over",
    logOf({ status: "PROCESSING", dueSeconds: 30 }),
    30_000,
    { kind: "take", attempt: 2, resumes: 0, lostLeases: 1 },
  ],
  [
    "a retry that is not due",
    logOf({ status: "WAITING", reason: "retry", dueSeconds: 60 }),
    0,
    { kind: "held", remainingMs: 60_000 },
  ],
  [
    "a retry that is due",
    logOf({ status: "WAITING", reason: "retry", dueSeconds: 60 }),
    60_000,
    { kind: "take", attempt: 2, resumes: 0, lostLeases: 0 },
  ],
  [
    "released",
    logOf({ status: "WAITING", reason: "released", dueSeconds: 0 }),
    0,
    { kind: "take", attempt: 2, resumes: 0, lostLeases: 0 },
  ],
  [
    "a completion in time",
    logOf({ status: "WAITING", reason: "completion", dueSeconds: 60 }),
    1_000,
    { kind: "held", remainingMs: 59_000 },
  ],
  [
    "a completion that never came",
    logOf({ status: "WAITING", reason: "completion", dueSeconds: 60 }),
    60_000,
    { kind: "completion_timeout" },
  ],
  [
    "a sleep that is over",
    logOf({ status: "WAITING", reason: "sleep", dueSeconds: 60 }),
    60_000,
    { kind: "take", attempt: 1, resumes: 1, lostLeases: 0 },
  ],
  [
    "less than a millisecond that is left: no timer is as exact, and no attempt may come too early",
    logOf({ status: "PROCESSING", dueSeconds: 30.0004 }),
    30_000,
    { kind: "held", remainingMs: 1 },
  ],
  [
    "the last lost lease that is allowed",
    logOf({ status: "PROCESSING", dueSeconds: 1, lostLeases: limits.lostLeases - 1 }),
    1_000,
    { kind: "take", attempt: 2, resumes: 0, lostLeases: limits.lostLeases },
  ],
  [
    "one lost lease too many",
    logOf({ status: "PROCESSING", dueSeconds: 1, lostLeases: limits.lostLeases }),
    1_000,
    { kind: "lost_too_often" },
  ],
  [
    "a success",
    logOf({ status: "SUCCESS" }),
    0,
    { kind: "ended", ending: { status: "SUCCESS", reason: null } },
  ],
  [
    "a skip",
    logOf({ status: "SKIPPED", reason: "upstream_failed" }),
    0,
    { kind: "ended", ending: { status: "SKIPPED", reason: "upstream_failed" } },
  ],
])("finding %s", (_name, log, ageMs, expected) => {
  expect(decideClaim(log, ageMs)).toEqual(expected);
});
