import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonValue } from "../../src/core/values/json.ts";
import { shortJson } from "../../src/core/values/short-json.ts";

test("a short value stays as it is", () => {
  expect(shortJson({ a: [1, "x"] }, 100)).toEqual({ text: '{"a":[1,"x"]}', isShortened: false });
});

test("what is cut says how much is left out", () => {
  const value = { rows: Array.from({ length: 1_000 }, (_, n) => n), text: "x".repeat(5_000) };
  const { text, isShortened } = shortJson(value, 6_000);
  const shown = JSON.parse(text);
  expect(isShortened).toBe(true);
  expect(text.length).toBeLessThanOrEqual(6_000);
  expect(shown.rows.at(-1)).toBe("and 500 more");
  expect(shown.text).toMatch(/x.* \(5000 characters\)$/);
});

test("any value becomes JSON that is short enough", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 60, max: 500 }), (value, most) => {
      const wide = Array.from({ length: 40 }, () => value) as JsonValue;
      const { text } = shortJson(wide, most);
      expect(text.length).toBeLessThanOrEqual(most);
      JSON.parse(text);
    }),
  );
});
