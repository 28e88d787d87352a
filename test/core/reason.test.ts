import { describe, expect, test } from "vitest";
import * as z from "zod";
import { BatonError, errorMessage, TaskError } from "../../src/core/errors/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { toStoredError } from "../../src/core/records.ts";
import { withPause } from "../../src/core/retry.ts";
import { withoutSecrets } from "../../src/core/values/secrets.ts";
import { truncate } from "../../src/core/values/text.ts";

const refused = (address: string) =>
  Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED" });
const circular = new Error("it is its own cause");
circular.cause = circular;
const hostile = new Proxy(new Error("hidden"), {
  get() {
    throw new Error("a getter throws");
  },
});
const revoked = Proxy.revocable(new Error("hidden"), {});
revoked.revoke();

describe("the reason of a failure", () => {
  test.each<[string, unknown, string]>([
    [
      "a cause",
      new Error("could not load", { cause: new Error("price is missing") }),
      "could not load: price is missing",
    ],
    [
      "causes of causes",
      new Error("a", { cause: new Error("b", { cause: "c, a text" }) }),
      "a: b: c, a text",
    ],
    ["a cause whose text is included already", new Error("a: no b", { cause: new Error("no b") }), "a: no b"],
    [
      "fetch",
      new TypeError("fetch failed", { cause: refused("127.0.0.1:1") }),
      "connect ECONNREFUSED 127.0.0.1:1",
    ],
    [
      "several addresses",
      Object.assign(new AggregateError([refused("::1:1"), refused("127.0.0.1:1")]), { code: "ECONNREFUSED" }),
      "connect ECONNREFUSED ::1:1; connect ECONNREFUSED 127.0.0.1:1",
    ],
    [
      "Promise.any",
      new AggregateError([new Error("a", { cause: new Error("b") }), "c"], "All promises were rejected"),
      "All promises were rejected: a: b; c",
    ],
    [
      "more errors than can be read",
      new AggregateError([1, 2, 3, 4, 5, 6, 7].map(String), "all"),
      "all: 1; 2; 3; 4; 5; and 2 more",
    ],
    ["a text", "just a text", "just a text"],
    ["nothing", undefined, "undefined was thrown"],
    ["a number", 7, "7 was thrown"],
    ["a symbol", Symbol("s"), "Symbol(s) was thrown"],
    [
      "an object of a database",
      { code: "23505", message: "duplicate key value", detail: "Key (id)=(7) already exists" },
      "duplicate key value: Key (id)=(7) already exists (23505)",
    ],
    ["an object without a message", { status: 503, token: "hush" }, '{"status":503,"token":"…"}'],
    [
      "an object without a prototype",
      Object.assign(Object.create(null), { reason: "why" }),
      '{"reason":"why"}',
    ],
    ["an object as a cause", new Error("a", { cause: { message: "b", code: 7 } }), "a: b (7)"],
    ["an error without a message", Object.assign(new TypeError(), { code: "EPIPE" }), "TypeError (EPIPE)"],
    ["a DOMException", AbortSignal.abort().reason, "This operation was aborted"],
    [
      "an error of a client of Google",
      Object.assign(new Error("a"), { errors: [{ message: "b", reason: "quota" }] }),
      "a: b",
    ],
    [
      "zod",
      z.object({ a: z.object({ b: z.string() }) }).safeParse({ a: {} }).error,
      "a.b: Invalid input: expected string, received undefined",
    ],
    ["an error that is its own cause", circular, "it is its own cause"],
    ["what refuses to be shown", hostile, "an object without a message"],
    ["what refuses even to say what it is", revoked.proxy, "a value that can't be shown was thrown"],
    ["a date that holds no time", new Date(Number.NaN), "an object without a message"],
    [
      "a function without a name",
      (
        () => () =>
          1
      )(),
      "the function without a name was thrown",
    ],
  ])("of %s", (_name, thrown, reason) => {
    expect(errorMessage(thrown)).toBe(reason);
    const failure = toStoredError(thrown);
    expect(failure).toMatchObject({ message: reason, retryable: true });
    expect(withPause(failure, thrown)).toEqual({ error: failure });
  });

  test("an error of Baton's own has said why; a task's own TaskError has its causes", () => {
    const cause = new Error("secret path /hooks/1");
    expect(errorMessage(new BatonError("USAGE", "not so", { cause }))).toBe("not so");
    expect(errorMessage(new TaskError("not there", { code: "HTTP_FAILED", cause }))).toBe("not there");
    expect(errorMessage(new TaskError("no more", { cause }))).toBe("no more: secret path /hooks/1");
    expect(errorMessage(new TaskError("no more", { code: "MINE", cause }))).toBe(
      "no more: secret path /hooks/1",
    );
  });

  test("a long message leaves room for its cause, and the whole is cut in its middle with a mark", () => {
    const wrapped = new Error("x".repeat(20_000), { cause: new Error("the reason") });
    expect(errorMessage(wrapped)).toMatch(/^x+ … \(19000 characters left out\) … x+: the reason$/);
    const many = new AggregateError(
      Array.from({ length: 5 }, (_, n) => new Error(`${n}`.repeat(2_000))),
      "all",
    );
    const { message } = toStoredError(new Error("first", { cause: many }));
    expect(message.length).toBeLessThanOrEqual(limits.errorMessageCharacters);
    expect(message).toMatch(/^first: all: 0+.* characters left out\) … 4+$/);
  });
});

test("a text is cut between characters, and never longer than allowed", () => {
  for (let most = 0; most < 200; most++) {
    const cut = truncate("🙂".repeat(150), most);
    expect(cut.isWellFormed()).toBe(true);
    expect(cut.length).toBeLessThanOrEqual(Math.max(most, 45));
  }
});

test.each([
  ["postgres://me:hunter2@db/x refused", "postgres://me:…@db/x refused"],
  ["GET https://x.test/a?b=1&api_key=hunter2&c=2", "GET https://x.test/a?b=1&api_key=…&c=2"],
  ["Authorization: Basic aHVudGVyMg==", "Authorization: Basic …"],
  ['{"headers":{"authorization":"Basic aHVudGVyMg=="}}', '{"headers":{"authorization":"Basic …"}}'],
  ['{"client_secret":"hunter2"}', '{"client_secret":"…"}'],
  ['a line of a log: "{\\"password\\":\\"hunter2\\"}"', 'a line of a log: "{\\"password\\":\\"…\\"}"'],
  ["host=db password=hunter2 user=me", "host=db password=… user=me"],
  ["token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is over", "token eyJ… is over"],
  [
    "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----…-----END PRIVATE KEY-----",
  ],
  ["Unexpected token: } in JSON at position 5", "Unexpected token: } in JSON at position 5"],
  ["the key is missing; basic understanding", "the key is missing; basic understanding"],
])("secrets in %j are not shown, and nothing else is hidden", (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
  expect(toStoredError(new Error(text)).message).toBe(shown);
});
