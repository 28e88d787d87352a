import fc from "fast-check";
import { expect, test } from "vitest";
import {
  executionKey,
  fieldValues,
  type Idempotency,
  IdempotencySchema,
  type KeySpec,
  type TaskCall,
} from "../../src/core/idempotency-key.ts";
import { limits } from "../../src/core/limits.ts";
import type { JsonValue } from "../../src/core/values/json.ts";

const policy = (key: KeySpec, scope: Idempotency["scope"] = "global"): Idempotency => ({
  key,
  scope,
  ttlSeconds: 60,
  lockSeconds: 60,
  onLocked: "wait",
  recurring: false,
});

const call = (args: JsonValue, rest: Partial<TaskCall> = {}): TaskCall => ({
  workflowId: "flow",
  taskId: "work",
  batchId: "flow-1",
  arguments: args,
  claimedAt: Date.UTC(2026, 10, 21, 23, 30),
  ...rest,
});

const byArguments = (args: JsonValue, rest?: Partial<TaskCall>) =>
  executionKey(policy({ by: "arguments" }), call(args, rest));
const byFields = (fields: string[], args: JsonValue, scope?: Idempotency["scope"]) =>
  executionKey(policy({ by: "fields", fields }, scope), call(args));
const byDate = (timeZone: string, args: JsonValue = {}, claimedAt?: number) =>
  executionKey(policy({ by: "date", timeZone }), call(args, claimedAt === undefined ? {} : { claimedAt }));
const byFunction = (text?: string) => executionKey(policy({ by: "function" }), call({}), text);

const invalid = expect.objectContaining({ code: "IDEMPOTENCY_KEY_INVALID" });

test("by arguments: equal whatever the order of the keys, at any depth", () => {
  const one = byArguments({ a: 1, b: { c: [1, { d: 2, e: 3 }], f: null } });
  expect(byArguments({ b: { f: null, c: [1, { e: 3, d: 2 }] }, a: 1 })).toBe(one);
  expect(one).toMatch(/^flow\/work\?arguments=[0-9a-f]{64}$/);
});

test("by arguments: different values, tasks and workflows have different keys", () => {
  const values: JsonValue[] = [
    null,
    0,
    "0",
    false,
    "",
    [],
    {},
    [1, 2],
    [2, 1],
    [[1], 2],
    { a: null },
    { a: "null" },
  ];
  const keys = values.map((value) => byArguments(value));
  expect(new Set(keys).size).toBe(values.length);
  expect(byArguments({}, { taskId: "other" })).not.toBe(byArguments({}));
  expect(byArguments({}, { workflowId: "other" })).not.toBe(byArguments({}));
  expect(byArguments({}, { batchId: "other" })).toBe(byArguments({}));
});

test("by fields: in the order they are named, and nothing else counts", () => {
  const fields = ["job_id", "account_id"];
  expect(byFields(fields, { account_id: 7, job_id: "j1", noise: 1 })).toBe(
    "flow/work?job_id=j1&account_id=7",
  );
  expect(byFields(fields, { job_id: "j1", account_id: 7, noise: 2 })).toBe(
    "flow/work?job_id=j1&account_id=7",
  );
});

test.each([
  [{ job: "j" }, "flow/work?job=j"],
  [{ job: "j", lead: null }, "flow/work?job=j"],
  [{ job: "j", lead: "" }, "flow/work?job=j&lead="],
  [{ job: "j", lead: 0 }, "flow/work?job=j&lead=0"],
  [{ job: "j", lead: false }, "flow/work?job=j&lead=false"],
])("by fields: one whose name ends in ? may be absent: %j", (args, expected) => {
  expect(byFields(["job", "lead?"], args)).toBe(expected);
});

test.each([
  ["one is absent", {}],
  ["one is null", { job: null }],
  ["one is an object", { job: {} }],
  ["one is a list", { job: [1] }],
  ["the arguments are a list", ["job"]],
  ["the arguments are text", "job"],
  ["there are none", null],
  ["one is only inherited", { other: 1 }],
])("by fields: refused when %s", (_name, args) => {
  expect(() => byFields(["job"], args)).toThrow(invalid);
});

test("by fields: what every object inherits is no field", () => {
  expect(() => byFields(["constructor"], {})).toThrow(invalid);
  expect(byFields(["toString?"], {})).toBe("flow/work?");
});

test("by fields: texts that differ never have the same key, whatever they hold", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const optional = fc.option(text, { nil: undefined });
  const args = fc.record({ a: optional, "a=1&b": optional, "c?": optional }, { requiredKeys: [] });
  const fields = ["a?", "a=1&b?", "c??"];
  const keyOf = (written: Readonly<Record<string, string | undefined>>) =>
    byFields(fields, JSON.parse(JSON.stringify(written)));
  fc.assert(
    fc.property(args, args, (one, other) => {
      const isSame = ["a", "a=1&b", "c?"].every(
        (name) => Reflect.get(one, name) === Reflect.get(other, name),
      );
      expect(keyOf(one) === keyOf(other)).toBe(isSame);
    }),
    { numRuns: 300 },
  );
});

test("a text that is no Unicode is refused, not tried again and again", () => {
  expect(() => byFields(["job"], { job: "\ud800" })).toThrow(invalid);
  expect(() => byFunction("a\udfff")).toThrow(invalid);
  expect(() => byArguments({ job: "\ud800" })).toThrow(invalid);
});

test("fields for the archive: absent ones are null", () => {
  const described = { taskId: "work", arguments: { job: "j", lead: 5 } };
  expect(fieldValues(["job", "lead?", "account?"], described)).toEqual([
    ["job", "j"],
    ["lead", "5"],
    ["account", null],
  ]);
});

test.each([
  ["UTC", "20261121"],
  ["Europe/Berlin", "20261122"],
  ["America/Los_Angeles", "20261121"],
  ["Pacific/Kiritimati", "20261122"],
  ["+05:30", "20261122"],
])("by date: the day its first attempt began in %s", (timeZone, day) => {
  expect(byDate(timeZone)).toBe(`flow/work?date=${day}`);
});

test("by date: the day changes at midnight of the time zone, also on the day the clocks go back", () => {
  const before = Date.UTC(2026, 9, 25, 22, 59, 59, 999);
  expect(byDate("Europe/Berlin", {}, before)).toBe("flow/work?date=20261025");
  expect(byDate("Europe/Berlin", {}, before + 1)).toBe("flow/work?date=20261026");
});

test.each([
  [{ date: "2026-01-05" }, "20260105"],
  [{ date: "20260105" }, "20260105"],
  [{ date: null }, "20261121"],
  ["no object", "20261121"],
])("by date: the date of the arguments goes before: %j", (args, day) => {
  expect(byDate("UTC", args)).toBe(`flow/work?date=${day}`);
});

test.each(["2026-1-5", "2026-01-05T00:00:00Z", "today", "", "2026-02-30", "20261301", 20260105, {}])(
  "by date: %j is no day",
  (date) => {
    expect(() => byDate("UTC", { date })).toThrow(invalid);
  },
);

test("by function: the text it gave, and never none", () => {
  expect(byFunction("a b&c=d/ä")).toBe("flow/work?key=a%20b%26c%3Dd%2F%C3%A4");
  expect(() => byFunction("")).toThrow(invalid);
  expect(() => byFunction()).toThrow(invalid);
});

test("within a batch, the key is another one in every batch", () => {
  const key = (batchId: string) =>
    executionKey(policy({ by: "fields", fields: ["job"] }, "batch"), call({ job: 1 }, { batchId }));
  expect(key("one")).toBe("flow/work?job=1&batch=one");
  expect(key("two")).not.toBe(key("one"));
});

test("a key has a longest length", () => {
  const head = "flow/work?key=".length;
  expect(byFunction("x".repeat(limits.keyCharacters - head))).toHaveLength(limits.keyCharacters);
  expect(() => byFunction("x".repeat(limits.keyCharacters - head + 1))).toThrow(invalid);
});

test.each([
  ["no fields", { key: { by: "fields", fields: [] } }],
  ["a field without a name", { key: { by: "fields", fields: [""] } }],
  ["an unknown time zone", { key: { by: "date", timeZone: "Mars/Olympus" } }],
  ["no time-to-live", { ttlSeconds: 0 }],
  ["a time-to-live that is too long", { ttlSeconds: limits.resultTtlSeconds + 1 }],
  ["no lease", { lockSeconds: 0 }],
  ["a lease that is too long", { lockSeconds: limits.delaySeconds + 1 }],
])("a policy with %s is refused", (_name, change) => {
  const written = { ...policy({ by: "arguments" }), ...change };
  expect(IdempotencySchema.safeParse(written).success).toBe(false);
  expect(IdempotencySchema.safeParse(policy({ by: "arguments" })).success).toBe(true);
});

test("a number that JSON has rounded is no key: two ids would become one", () => {
  const call = { taskId: "work", arguments: { id: 2 ** 53 + 2, small: 12 } };
  expect(() => fieldValues(["id"], call)).toThrow(/send it as text/);
  expect(fieldValues(["small"], call)).toEqual([["small", "12"]]);
});
