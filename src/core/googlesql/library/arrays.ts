import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, type Term } from "../terms.ts";
import { arrayOf, DATE, INT64, quoteText, type Type, typeName } from "../types.ts";

/** Functions of arrays with any items. */
export function arrayFunction(name: string, args: readonly Term[]): Term | undefined {
  const [array, second] = args;
  if (!array || !Object.hasOwn(templates, name)) return undefined;
  const form = templates[name];
  if (args.length !== form?.count)
    throw new Refusal(name, `it is supported with ${form?.count} argument(s) only`);
  if (array.type.kind === "UNKNOWN") return { sql: "NULL", type: array.type };
  if (array.type.kind !== "ARRAY") throw new Refusal(name, `it takes an array, not ${typeName(array.type)}`);
  if (array.written?.kind === "empty")
    throw new Refusal(name, "an empty array without a type is not supported here; write ARRAY<INT64>[]");
  assertRepeatable(name, args);
  const item = array.type.item;
  const other = second && expect(name, second, item);
  const type = form.result === "item" ? item : form.result === "array" ? array.type : form.result;
  return {
    sql: form.template.replaceAll("$1", () => array.sql).replaceAll("$2", () => other?.sql ?? ""),
    type,
  };
}

const templates: Readonly<
  Record<
    string,
    { readonly count: number; readonly template: string; readonly result: Type | "item" | "array" }
  >
> = {
  ARRAY_LENGTH: { count: 1, template: "len($1)", result: INT64 },
  ARRAY_REVERSE: { count: 1, template: "list_reverse($1)", result: "array" },
  ARRAY_FIRST: { count: 1, template: "googlesql_array_first($1)", result: "item" },
  ARRAY_LAST: { count: 1, template: "googlesql_array_last($1)", result: "item" },
};

/** `array[OFFSET(0)]`, `array[SAFE_ORDINAL(1)]`, `array[0]`. */
export function arrayItem(array: Term, position: Term, how: string): Term {
  if (array.type.kind === "UNKNOWN") return array;
  if (array.type.kind === "JSON") return jsonItem(array, position, how);
  if (array.type.kind !== "ARRAY" || array.written?.kind === "empty")
    throw new Refusal("[", "it is supported for arrays with a type only");
  const index = expect(how, position, INT64);
  assertRepeatable(how, [array, index]);
  const isSafe = how.startsWith("SAFE_");
  const shift = how.endsWith("ORDINAL") ? 0 : 1;
  return {
    sql: `googlesql_item${isSafe ? "_safe" : ""}(${array.sql}, ${index.sql} + ${shift})`,
    type: array.type.item,
  };
}

/** `json[0]` and `json["name"]`: NULL if there is no such part. */
function jsonItem(json: Term, position: Term, how: string): Term {
  if (how !== "OFFSET") throw new Refusal(how, "an item of JSON is read as json[0]");
  if (position.written?.kind === "integer")
    return { ...json, sql: `json_extract(${json.sql}, '$[${position.written.value}]')` };
  if (position.written?.kind === "text" && !/["\\*]/.test(position.written.value))
    return { ...json, sql: `json_extract(${json.sql}, ${quoteText(`$."${position.written.value}"`)})` };
  throw new Refusal(
    "[",
    "a part of JSON is read as json[0] or json['name'], with a number or name in the text",
  );
}

export function generateArray(args: readonly Term[]): Term {
  const [start, end, step] = args.map((arg) => expect("GENERATE_ARRAY", arg, INT64));
  if (!start || !end || args.length > 3)
    throw new Refusal("GENERATE_ARRAY", "it needs a first and a last number");
  const by = step ?? { sql: "CAST(1 AS BIGINT)", type: INT64 };
  assertRepeatable("GENERATE_ARRAY", args);
  return { sql: `googlesql_generate_array(${start.sql}, ${end.sql}, ${by.sql})`, type: arrayOf(INT64) };
}

export function generateDates(start: Term, end: Term, months: string | undefined, days: string): Term {
  const [first, last] = [
    expect("GENERATE_DATE_ARRAY", start, DATE),
    expect("GENERATE_DATE_ARRAY", end, DATE),
  ];
  assertRepeatable("GENERATE_DATE_ARRAY", [first, last]);
  const sql =
    months === undefined
      ? `googlesql_generate_dates(${first.sql}, ${last.sql}, ${days})`
      : `googlesql_generate_months(${first.sql}, ${last.sql}, ${months})`;
  return { sql, type: arrayOf(DATE) };
}

/** An array of values that have one type. */
export function arrayLiteral(terms: readonly Term[], type: Type): Term {
  if (type.kind === "ARRAY")
    throw new Refusal("[", "an array of arrays is not supported by GoogleSQL; use a STRUCT between them");
  return { sql: `[${terms.map(({ sql }) => sql).join(", ")}]`, type: arrayOf(type) };
}
