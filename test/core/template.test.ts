import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fillTemplate, parseTemplate, type TemplateScope } from "../../src/core/template/template.ts";
import type { JsonValue } from "../../src/core/values/json.ts";

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
  "{{ input.day",
  "{{ input.day }",
  "{{ input.day } and {{ input.limit }}",
  "{{ input..day }}",
  "{{ 'never closed }}",
  "{{ batchId.length }}",
  "{{ batchId? }}",
  "{{ secrets }}",
  "{{ secrets.A.b }}",
  "{{ secrets.A? }}",
  "{{ secrets.not-a-name }}",
  "{{{ nothing }}}",
  "{{ input.day | upper }}",
  "{{#each input.list}}",
  "{{ input.none.a.b }}",
])("%s refers to nothing", async (text) => {
  await expect(fillTemplate(text, scopeOf())).rejects.toMatchObject({ code: "TEMPLATE_INVALID" });
});

test("text without a placeholder is unchanged", async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      fc.pre(!JSON.stringify(value).includes("{{"));
      const json = JSON.parse(JSON.stringify(value));
      expect(await fillTemplate(json, scopeOf())).toEqual(json);
    }),
  );
});

test.each([
  ["{{ '{{ customer.name }}' }}", "{{ customer.name }}"],
  ["Hello {{ '{{ customer.name }}' }}!", "Hello {{ customer.name }}!"],
  ["{{ '{{' }} a }}", "{{ a }}"],
  [`{{ "it's {{ x }}" }}`, "it's {{ x }}"],
  ["{{ 'it''s {{ x }}' }}", "it's {{ x }}"],
  [`{{ "a ""b"" }} c" }}`, 'a "b" }} c'],
  ["{{''}}", ""],
  ["{{ '{{ input.day }}' }} of {{ input.day }}", "{{ input.day }} of 2024-05-01"],
  ["{{ '{% for x in y %}\n{{ x }}\n{% endfor %}' }}", "{% for x in y %}\n{{ x }}\n{% endfor %}"],
])("what is quoted in braces stands as it is: %s", async (text, sent) => {
  expect(await fillTemplate(text, scopeOf())).toBe(sent);
});

test.each([
  "{% raw %}",
  `\${input.day}`,
  "{ input.day }",
  "}} {",
  '{"a":{"b":1}}',
  "<%= x %>",
  "{input.day}}",
])("%s is no template, and passes", async (text) => {
  expect(await fillTemplate(text, scopeOf())).toBe(text);
});

test("any quoted text is sent unchanged", async () => {
  const character = fc.constantFrom("{", "}", "'", '"', " ", "a", ".", "\n", "\\");
  const text = fc.array(character, { maxLength: 30 }).map((characters) => characters.join(""));
  await fc.assert(
    fc.asyncProperty(text, text, async (before, quoted) => {
      fc.pre(!before.includes("{{") && !before.endsWith("{"));
      const written = `${before}{{ '${quoted.replaceAll("'", "''")}' }}`;
      expect(await fillTemplate(written, scopeOf())).toBe(before + quoted);
    }),
  );
});

test("no text is read without end, and each is filled or refused", async () => {
  const pieces = fc.constantFrom("{{", "}}", "{", "}", "'", "input", ".day", " ", "?", "secrets.A", "''");
  await fc.assert(
    fc.asyncProperty(fc.array(pieces, { maxLength: 40 }), async (parts) => {
      const filled = await fillTemplate(parts.join(""), scopeOf()).catch((error: unknown) => error);
      if (typeof filled === "string" || filled === null || typeof filled === "number") return;
      expect(filled).toMatchObject({ code: "TEMPLATE_INVALID" });
    }),
  );
});

test.each<[string, JsonValue]>([
  ["{{ input.absent? }}", null],
  ["{{ input.none? }}", null],
  ["{{ input.absent.deeper? }}", null],
  ["{{ input.limit? }}", 5],
  ["{{ parents.load.rows? }}", null],
  ["<{{ input.absent? }}>", "<>"],
  ["<{{ input.limit? }}>", "<5>"],
])("a ? at its end allows a value to be absent: %s", async (text, value) => {
  expect(await fillTemplate(text, scopeOf({ load: {} }))).toEqual(value);
});

test.each([
  ["{{ inptu.x }}", "did you mean {{ input.x }}?"],
  ["{{ parent.load }}", "did you mean {{ parents.load }}?"],
  ["{{ env.API_TOKEN }}", "{{ secrets.API_TOKEN }}"],
  ["{{ process.env.API_TOKEN }}", "{{ secrets.API_TOKEN }}"],
  ["{{ customer.name }}", "To send it literally, write {{ '{{ customer.name }}' }}"],
  ["{{ ref('orders') }}", `write {{ "{{ ref('orders') }}" }}`],
  ["Hello {{ customer.name", "{{ customer.name is not closed"],
])("%s is refused with what to write", async (text, problem) => {
  await expect(fillTemplate(text, scopeOf())).rejects.toThrow(problem);
});

test("a secret has its value from the scope, and stays a reference without one", async () => {
  const scope = { ...scopeOf({ load: "{{ secrets.OTHER }}" }), secret: (name: string) => `<${name}>` };
  expect(await fillTemplate("Bearer {{ secrets.A }}", scope)).toBe("Bearer <A>");
  expect(await fillTemplate("{{secrets.A}} {{ parents.load }}", scope)).toBe("<A> {{ secrets.OTHER }}");
  expect(await fillTemplate(["{{secrets.A}}"], scopeOf())).toEqual(["{{ secrets.A }}"]);
});

test.each([
  ["{{ input.day | upper }}", "has more than a name"],
  ["{{ input.day|| 'x' }}", "has more than a name"],
  ["{{ input.day ?? 'x' }}", "has more than a name"],
  ["{{ input.limit == 1 }}", "has more than a name"],
  ["{{ input.list[0] }}", "has more than a name"],
  ["{{ input.day.trim() }}", "has more than a name"],
  ["{{ input . day }}", "refers to nothing; did you mean {{ input"],
  ["{{ input. day }}", "has a space beside a dot"],
  ["{{ input['day'] }}", "names follow dots, as in {{ input.name.0 }}"],
  ["{{ 'never closed }}", "is no text in quotes"],
  ["{{ 'it's' }}", "is no text in quotes"],
])("%s is a mistake before anything runs", (text, problem) => {
  expect(parseTemplate(text)).toMatchObject([{ kind: "mistake", problem: expect.stringContaining(problem) }]);
});

test.each(["First Name", "a|b", "price - net", "x (final)", "Weight [kg]", "größe", "100%"])(
  "a field may be named %s",
  async (name) => {
    const scope = { ...scopeOf(), input: { [name]: 1 } };
    expect(await fillTemplate(`{{ input.${name} }}`, scope)).toBe(1);
  },
);

test("a space before the question mark changes nothing", async () => {
  expect(await fillTemplate("{{ input.day ? }}", scopeOf())).toBe("2024-05-01");
  expect(await fillTemplate("{{ input.absent ?}}", scopeOf())).toBe(null);
});
