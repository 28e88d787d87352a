import * as fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { encodeJson, pathStep } from "../../src/core/values/json.ts";

test("encoded values decode to equal ones, and their bytes are counted", () => {
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

/** The rule as it was first written: slow, and free of shortcuts. `undefined` means that the value is plain JSON. */
function firstNonJson(value: unknown, path: string, above: readonly object[]): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : path;
  if (typeof value !== "object" || above.length >= limits.jsonDepth || above.includes(value)) return path;
  const below = [...above, value];
  if (Array.isArray(value))
    return [...value.keys()]
      .map((index) => firstNonJson(value[index], `${path}[${index}]`, below))
      .find(Boolean);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return path;
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => firstNonJson(item, path + pathStep(key), below))
    .find(Boolean);
}

const anyValue = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withTypedArray: true,
  withBoxedValues: true,
  withObjectString: true,
  maxDepth: 4,
});

test("the fast rule refuses the same values at the same places as the slow rule", () => {
  fc.assert(
    fc.property(fc.oneof(anyValue, fc.jsonValue()), (value) => {
      const encoded = encodeJson(value);
      const refusedAt = value === undefined ? undefined : firstNonJson(value, "$", []);
      expect(encoded.ok ? undefined : encoded.path).toBe(refusedAt);
      if (encoded.ok) expect(encoded.text).toBe(JSON.stringify(value ?? null));
    }),
    { numRuns: 2_000 },
  );
});

class Amount {
  readonly cents = 1;
}

test.each<[string, unknown]>([
  ["its own toJSON", { toJSON: () => 1 }],
  ["a class instance", new Amount()],
  ["a class instance in a list", [new Amount()]],
  ["a hole in a list", Array(2)],
  ["a list that holds itself", listInItself()],
  ["a boxed number", Object(1)],
  ["a depth of one too many", nested(limits.jsonDepth + 1)],
])("a value with %s is refused", (_, value) => {
  expect(encodeJson(value)).toMatchObject({ ok: false, path: firstNonJson(value, "$", []) });
});

test("the deepest JSON that is allowed is encoded", () => {
  expect(encodeJson(nested(limits.jsonDepth))).toMatchObject({ ok: true });
});

function listInItself(): unknown[] {
  const list: unknown[] = [1];
  list.push(list);
  return list;
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)];
}

test("the same object twice is no loop", () => {
  const shared = { a: 1 };
  expect(encodeJson([shared, shared])).toMatchObject({ ok: true });
});
