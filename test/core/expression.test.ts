import { expect, test } from "vitest";
import type { JsonValue } from "../../src/core/values/json.ts";
import { expressionReader } from "../../src/core/workflow/expression.ts";

const read = await expressionReader();

const variables = {
  input: { count: 3, price: 1.5, name: "a", list: [1, 2, 3], at: "2026-03-29T01:30:00Z", none: null },
  parents: { load: { rows: 10, files: [{ name: "x.csv", bytes: 4 }] } },
  status: { load: "SUCCESS", check: "SKIPPED" },
} satisfies Record<string, JsonValue>;

test.each<[string, unknown]>([
  ["input.count > 2", true],
  ["input.count * 2 == 6", true],
  ["2 * input.count + input.price == 7.5", true],
  ["input.count / 2 == 1.5", true],
  ["input['name'] == 'a' && parents.load.rows >= 10", true],
  ["has(input.missing) && input.missing > 1", false],
  ["input.none == null", true],
  ["input.list.exists(each, each == 2)", true],
  ["parents.load.files.all(file, file.bytes > 4)", false],
  ["size(input.list) == 3 && 3 in input.list", true],
  ["timestamp(input.at).getFullYear() == 2026", true],
  ["input.name.matches('^[a-c]$')", true],
  ["'a,b'.split(',').size() == 2", true],
  ['status.check == "SKIPPED"', true],
])("%s is %s", (text, value) => {
  expect(read(text).evaluate(variables)).toBe(value);
});

test.each([
  ["input.missing > 1", "missing"],
  ["input.name > 1", "no matching overload"],
  ["input.list[7] == 1", "index"],
])("%s fails with its text and the cause", (text, cause) => {
  expect(() => read(text).evaluate(variables)).toThrow(
    expect.objectContaining({ code: "EXPRESSION_FAILED", message: expect.stringContaining(text) }),
  );
  expect(() => read(text).evaluate(variables)).toThrow(cause);
});

test.each(["1 +", "input.", "", "a b", `${"x".repeat(1_001)}`])("%j can't be read", (text) => {
  expect(() => read(text)).toThrow(expect.objectContaining({ code: "EXPRESSION_INVALID" }));
});

test("what an expression reads is known before it is evaluated", () => {
  const { paths, unknownFunctions, loops } = read(
    "has(input.note) && input.list.exists(input, input == parents.load.rows) && soon(status['check'], later.x)",
  );
  expect(paths).toEqual([
    { root: "input", path: ["note"], isOptional: true },
    { root: "input", path: ["list"], isOptional: false },
    { root: "parents", path: ["load", "rows"], isOptional: false },
    { root: "status", path: ["check"], isOptional: false },
    { root: "later", path: ["x"], isOptional: false },
  ]);
  expect(unknownFunctions).toEqual(["soon"]);
  // The comparison inside the loop may be of whole lists.
  expect(loops).toBe(3);
});

test("an expression that might visit too many values is refused before it starts", () => {
  const many = { input: { list: Array.from({ length: 4_000 }, (_, index) => index) } };
  expect(read("input.list.exists(x, x > 3998)").evaluate(many)).toBe(true);
  const pairs = "input.list.all(x, input.list.all(y, x + y >= 0))";
  expect(() => read(pairs).evaluate(many)).toThrow(
    expect.objectContaining({ code: "EXPRESSION_TOO_COSTLY" }),
  );
  const ten = "[0,1,2,3,4,5,6,7,8,9]";
  const nested = ["a", "b", "c", "d", "e", "f"].reduceRight(
    (inside, name) => `${ten}.all(${name}, ${inside})`,
    "true",
  );
  expect(() => read(nested).evaluate({})).toThrow(expect.objectContaining({ code: "EXPRESSION_TOO_COSTLY" }));
});
