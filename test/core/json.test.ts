import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeJson } from "../../src/core/values/json.ts";

test("what is encoded comes back equal, and its bytes are counted", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const encoded = encodeJson(value);
      if (!encoded.ok) throw new Error(encoded.problem);
      expect(encoded.text).toBe(JSON.stringify(value));
      expect(encoded.bytes).toBe(new TextEncoder().encode(encoded.text).byteLength);
    }),
  );
});

test("no result is null, and absent fields are left out", () => {
  expect(encodeJson(undefined)).toEqual({ ok: true, text: "null", bytes: 4 });
  expect(encodeJson({ a: undefined, b: 1 })).toMatchObject({ ok: true, text: '{"b":1}' });
  expect(encodeJson(Object.assign(Object.create(null), { a: 1 }))).toMatchObject({
    ok: true,
    text: '{"a":1}',
  });
});

const loop: Record<string, unknown> = {};
loop.self = { loop };

test.each<[string, unknown, string]>([
  ["a function", { rows: [() => 1] }, "$.rows[0]"],
  ["a symbol", [Symbol("s")], "$[0]"],
  ["a bigint", { n: 1n }, "$.n"],
  ["NaN", { deep: { n: Number.NaN } }, "$.deep.n"],
  ["infinity", Number.POSITIVE_INFINITY, "$"],
  ["undefined in an array", [1, undefined], "$[1]"],
  ["a date", { at: new Date(0) }, "$.at"],
  ["a map", new Map(), "$"],
  ["an instance", { e: new Error("e") }, "$.e"],
  ["a loop", loop, "$.self.loop"],
])("refuses %s, saying where", (_, value, path) => {
  expect(encodeJson(value)).toMatchObject({ ok: false, path });
});

test("the same object twice is no loop", () => {
  const shared = { a: 1 };
  expect(encodeJson([shared, shared])).toMatchObject({ ok: true });
});
