import * as fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalJson, hashJson, type JsonValue, JsonValueSchema } from "../../src/core/values/json.ts";

const values = fc.jsonValue().map((value) => JsonValueSchema.parse(value));

/** The same value with the keys of every object the other way round. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

test("equal values give equal text and hash, whatever the order of their keys", () => {
  fc.assert(
    fc.property(values, (value) => {
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      expect(hashJson(reversed(value))).toBe(hashJson(value));
    }),
  );
});

test("the text says everything the value says", () => {
  fc.assert(
    fc.property(values, (value) => {
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test("is RFC 8785: sorted by UTF-16 code units, shortest numbers, no spaces", () => {
  const value = { "\u20ac": 1, "\r": 2, "1": 3, "\ud83d\ude02": 4, "\ufb33": 5, n: [1e21, 1.0, 0.000001] };
  expect(canonicalJson(value)).toBe(
    '{"\\r":2,"1":3,"n":[1e+21,1,0.000001],"\u20ac":1,"\ud83d\ude02":4,"\ufb33":5}',
  );
  expect(hashJson({})).toBe("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
});
