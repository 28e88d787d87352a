import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonValue } from "../../src/core/json.ts";
import { fillTemplate, type TemplateScope } from "../../src/core/template.ts";

function scopeOf(parents: Readonly<Record<string, JsonValue>> = {}): TemplateScope & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    batchId: "b-1",
    input: { day: "2024-05-01", limit: 5, none: null, deep: { list: ["x", "y"] } },
    parent: async (taskId) => {
      asked.push(taskId);
      return parents[taskId] ?? null;
    },
  };
}

test.each<[string, JsonValue]>([
  ["{{ input.day }}", "2024-05-01"],
  ["{{input.limit}}", 5],
  ["{{ input.none }}", null],
  ["{{ input.deep }}", { list: ["x", "y"] }],
  ["{{ input.deep.list.1 }}", "y"],
  ["{{ input.deep.list.length }}", 2],
  ["{{ batchId }}", "b-1"],
  ["{{ parents.load.rows }}", 7],
  ["{{ parents.load }}", { rows: 7 }],
  ["{{ parents.load-2.rows }}", 8],
])("%s alone keeps the type of its value", async (text, value) => {
  const scope = scopeOf({ load: { rows: 7 }, "load-2": { rows: 8 } });
  expect(await fillTemplate(text, scope)).toEqual(value);
});

test("among other text a value becomes text", async () => {
  const text = "{{ batchId }}: {{ parents.load.rows }} of {{ input.limit }}, {{ input.deep }}!";
  const filled = await fillTemplate(text, scopeOf({ load: { rows: 7 } }));
  expect(filled).toBe('b-1: 7 of 5, {"list":["x","y"]}!');
});

test("fills every string at any depth, and no keys", async () => {
  const value = { "{{ batchId }}": [{ a: "{{ input.limit }}" }, true, null, 3] };
  expect(await fillTemplate(value, scopeOf())).toEqual({ "{{ batchId }}": [{ a: 5 }, true, null, 3] });
});

test("a value that looks like a placeholder is not filled again", async () => {
  const scope = scopeOf({ load: "{{ input.day }}" });
  expect(await fillTemplate("{{ parents.load }}", scope)).toBe("{{ input.day }}");
  expect(await fillTemplate("<{{ parents.load }}>", scope)).toBe("<{{ input.day }}>");
});

test("asks only for the parents that are named", async () => {
  const scope = scopeOf();
  await fillTemplate({ a: "{{ input.day }}", b: "{{ parents.load }}" }, scope);
  expect(scope.asked).toEqual(["load"]);
});

test.each([
  "{{ input.absent }}",
  "{{ input.day.length }}",
  "{{ input.none.a }}",
  "{{ input.deep.list.2 }}",
  "{{ input.__proto__ }}",
  "{{ parents }}",
  "{{ environment.HOME }}",
  "{{ }}",
  "before {{ nothing }} after",
])("%s refers to nothing", async (text) => {
  await expect(fillTemplate(text, scopeOf())).rejects.toMatchObject({ code: "TEMPLATE_INVALID" });
});

test("what holds no placeholder stays as it is", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      fc.pre(!JSON.stringify(value).includes("{{"));
      const json = JSON.parse(JSON.stringify(value));
      expect(await fillTemplate(json, scopeOf())).toEqual(json);
    }),
  );
});
