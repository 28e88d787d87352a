import { type Call, datePart } from "../expressions/calls.ts";
import { asTexts, concatenation, integer } from "../expressions/operators.ts";
import { Refusal } from "../refusal.ts";
import { structOf } from "../structs.ts";
import { assertRepeatable, type Context, expect, type Term, unify } from "../terms.ts";
import type { Node } from "../tree.ts";
import {
  arrayOf,
  BOOL,
  DATE,
  DATETIME,
  FLOAT64,
  INT64,
  JSON_TYPE,
  STRING,
  TIME,
  TIMESTAMP,
  type Type,
  typeName,
} from "../types.ts";
import { arrayFunction, generateArray, generateDates } from "./arrays.ts";
import { difference, generateTimestamps, type Interval, shift } from "./date-arithmetic.ts";
import { formatDate, parseDate } from "./date-formats.ts";
import { currentTime, dateSignatures, inZone, truncate } from "./dates.ts";
import { formatText } from "./format.ts";
import { jsonArray, jsonObject, jsonRead, toJson, toJsonString } from "./json.ts";
import { exponential, extreme, numberSignatures, power, roundTo, safeDivide } from "./numbers.ts";
import { callWithNull, hasNullForm } from "./safe-calls.ts";
import { callSignature } from "./signatures.ts";
import { regularExpression, textSignatures } from "./texts.ts";

type ReadInterval = (node: Node, context: Context) => Interval;

/** Functions with `SAFE.` that are known to be NULL where GoogleSQL's are. */
const safe = /^PARSE_(DATE|DATETIME|TIMESTAMP|TIME|JSON)$/;

/** Functions whose names people may take from DuckDB or other databases, with what GoogleSQL has. */
const remedies: Readonly<Record<string, string>> = {
  DATE_PART: "write EXTRACT",
  DATEDIFF: "write DATE_DIFF",
  LEN: "write LENGTH",
  LISTAGG: "write STRING_AGG",
  NOW: "write CURRENT_TIMESTAMP()",
  NVL: "write IFNULL",
  STRFTIME: "write FORMAT_DATE or FORMAT_TIMESTAMP",
  STRPTIME: "write PARSE_DATE or PARSE_TIMESTAMP",
  TO_CHAR: "write FORMAT_DATE or FORMAT",
  TO_DATE: "write PARSE_DATE",
  TRY_CAST: "write SAFE_CAST",
};

export function callFunction(call: Call, context: Context, readInterval: ReadInterval): Term {
  const { name } = call;
  if (call.isSafe && hasNullForm(name)) return callWithNull(call, context);
  if (call.isSafe && !safe.test(name))
    throw new Refusal(`SAFE.${name}`, "SAFE. is not supported for this function; test its arguments with IF");
  const withParts = dateFunction(call, context, readInterval);
  if (withParts) return withParts;
  if (name === "ARRAY") return arrayOfQuery(call, context);
  if (name === "STRUCT") return structOf(call.args.map((arg) => structPart(arg, context)));
  const args = call.args.map((arg) => context.term(arg));
  const special = specials[name];
  if (special) return special(args, call);
  const ofArrays = arrayFunction(name, args);
  if (ofArrays) return ofArrays;
  const forms = numberSignatures.get(name) ?? textSignatures.get(name) ?? dateSignatures.get(name);
  if (forms) return callSignature(call, forms, args);
  throw new Refusal(
    name,
    `the function is not supported here${remedies[name] === undefined ? "" : `; ${remedies[name]}`}`,
  );
}

function structPart(node: Node, context: Context): { readonly name: string; readonly term: Term } {
  if (node.kind !== "alias") return { name: nameOf(node), term: context.term(node) };
  const name = node.name("alias");
  const inner = node.node("this");
  node.end("STRUCT");
  return { name, term: context.term(inner) };
}

/** A field without an alias has the name of its column. */
function nameOf(node: Node): string {
  if (node.kind === "column") return node.name("name").startsWith("@") ? "" : node.name("name");
  return node.kind === "dot" ? node.name("field") : "";
}

function arrayOfQuery({ args }: Call, context: Context): Term {
  const [query, other] = args;
  if (!query || other) throw new Refusal("ARRAY", "it takes one query");
  const { sql, columns, struct } = context.subquery(query);
  const [column, second] = columns;
  if (struct) return { sql: `ARRAY(${sql})`, type: arrayOf(struct) };
  if (!column || second) throw new Refusal("ARRAY", "its query must have one column");
  if (column.type.kind === "ARRAY")
    throw new Refusal("ARRAY", "an array of arrays is not supported by GoogleSQL");
  return { sql: `ARRAY(${sql})`, type: arrayOf(column.type) };
}

const own: Readonly<Record<string, Type>> = { DATE, DATETIME, TIMESTAMP, TIME };

/** Functions with a part of a date among their arguments. */
function dateFunction({ name, args }: Call, context: Context, readInterval: ReadInterval): Term | undefined {
  const match = /^(DATE|DATETIME|TIMESTAMP|TIME)_(ADD|SUB|DIFF|TRUNC)$/.exec(name);
  const term = (index: number) => {
    const arg = args[index];
    if (!arg) throw new Refusal(name, "it needs more arguments");
    return context.term(arg);
  };
  if (name === "GENERATE_DATE_ARRAY") return dateArray(args, context, readInterval);
  if (name === "GENERATE_TIMESTAMP_ARRAY") return timestampArray(args, context, readInterval);
  if (!match) return undefined;
  const [, type = "", what = ""] = match;
  if (args.length > (what === "ADD" || what === "SUB" ? 2 : 3))
    throw new Refusal(name, "it has too many arguments");
  if (what === "DIFF") return difference(name, term(0), term(1), datePart(name, args[2]));
  if (what === "TRUNC")
    return truncate(
      name,
      term(0),
      args[1] ? datePart(name, args[1]) : { name: "DAY", firstDay: 0 },
      args[2] && term(2),
    );
  const by = args[1];
  if (by?.kind !== "interval") throw new Refusal(name, "write its second argument as INTERVAL 3 DAY");
  return shift(name, term(0), readInterval(by, context), what === "ADD" ? 1 : -1, own[type] ?? DATE);
}

function dateArray(args: readonly Node[], context: Context, readInterval: ReadInterval): Term {
  const [start, end, step, more] = args;
  if (!start || !end || more) throw new Refusal("GENERATE_DATE_ARRAY", "it needs a first and a last day");
  if (step && step.kind !== "interval")
    throw new Refusal("GENERATE_DATE_ARRAY", "write its step as INTERVAL 3 DAY");
  const { count, part } = step ? readInterval(step, context) : { count: integer(1n), part: "DAY" };
  const by = expect("GENERATE_DATE_ARRAY", count, INT64).sql;
  const [months, days] = [{ MONTH: 1, QUARTER: 3, YEAR: 12 }[part], { DAY: 1, WEEK: 7 }[part]];
  if (months === undefined && days === undefined)
    throw new Refusal(part, "GENERATE_DATE_ARRAY does not know this part");
  return generateDates(
    context.term(start),
    context.term(end),
    months === undefined ? undefined : `${by} * ${months}`,
    `${by} * ${days ?? 1}`,
  );
}

function timestampArray(args: readonly Node[], context: Context, readInterval: ReadInterval): Term {
  const [start, end, step, more] = args;
  if (!start || !end || step?.kind !== "interval" || more)
    throw new Refusal(
      "GENERATE_TIMESTAMP_ARRAY",
      "it needs a first and a last time, and a step such as INTERVAL 1 HOUR",
    );
  return generateTimestamps(context.term(start), context.term(end), readInterval(step, context));
}

const specials: Readonly<Record<string, (args: readonly Term[], call: Call) => Term>> = {
  ARRAY_CONCAT: (args) => concatenation("ARRAY_CONCAT", args),
  COALESCE: (args) => coalesce("COALESCE", args),
  CONCAT: (args) => concatenation("CONCAT", asTexts("CONCAT", args)),
  CURRENT_DATE: (args, call) => current(args, call),
  CURRENT_DATETIME: (args, call) => current(args, call),
  CURRENT_TIME: (args, call) => current(args, call),
  DATE: (args, call) => zoned(args, call),
  DATETIME: (args, call) => zoned(args, call),
  ERROR: ([message]) => ({
    sql: `CAST(googlesql_error(${expect("ERROR", required("ERROR", message), STRING).sql}) AS BIGINT)`,
    type: INT64,
    written: { kind: "error" },
  }),
  EXP: ([value]) => exponential(expect("EXP", required("EXP", value), FLOAT64)),
  FORMAT: formatText,
  FORMAT_DATE: (args) => formatDate("FORMAT_DATE", args),
  FORMAT_DATETIME: (args) => formatDate("FORMAT_DATETIME", args),
  FORMAT_TIME: (args) => formatDate("FORMAT_TIME", args),
  FORMAT_TIMESTAMP: (args) => formatDate("FORMAT_TIMESTAMP", args),
  GENERATE_ARRAY: generateArray,
  GENERATE_UUID: () => ({ sql: "CAST(uuid() AS VARCHAR)", type: STRING, isVolatile: true }),
  GROUPING: ([value]) => ({
    sql: `CAST(grouping(${required("GROUPING", value).sql}) AS BIGINT)`,
    type: INT64,
  }),
  GREATEST: (args) => extreme("GREATEST", args),
  IF: ([condition, then, otherwise]) => {
    const test = expect("IF", required("IF", condition), BOOL);
    const { type, terms } = unify("IF", [required("IF", then), required("IF", otherwise)]);
    const isVolatile = terms.some((term) => term.isVolatile) && { isVolatile: true };
    return {
      sql: `(CASE WHEN ${test.sql} THEN ${terms[0]?.sql} ELSE ${terms[1]?.sql} END)`,
      type,
      ...isVolatile,
    };
  },
  IFNULL: (args) => {
    if (args.length !== 2) throw new Refusal("IFNULL", "it needs two arguments");
    return coalesce("IFNULL", args);
  },
  JSON_ARRAY: jsonArray,
  JSON_OBJECT: jsonObject,
  JSON_EXTRACT: (args) => jsonRead("JSON_EXTRACT", args),
  JSON_EXTRACT_ARRAY: (args) => jsonRead("JSON_EXTRACT_ARRAY", args),
  JSON_EXTRACT_SCALAR: (args) => jsonRead("JSON_EXTRACT_SCALAR", args),
  JSON_EXTRACT_STRING_ARRAY: (args) => jsonRead("JSON_EXTRACT_STRING_ARRAY", args),
  JSON_QUERY: (args) => jsonRead("JSON_QUERY", args),
  JSON_QUERY_ARRAY: (args) => jsonRead("JSON_QUERY_ARRAY", args),
  JSON_VALUE: (args) => jsonRead("JSON_VALUE", args),
  JSON_VALUE_ARRAY: (args) => jsonRead("JSON_VALUE_ARRAY", args),
  LEAST: (args) => extreme("LEAST", args),
  NULLIF: nullIf,
  PARSE_JSON: ([value, mode], call) => {
    if (mode) throw new Refusal("PARSE_JSON", "its mode is not supported");
    const text = expect("PARSE_JSON", required("PARSE_JSON", value), STRING);
    assertRepeatable("PARSE_JSON", [text]);
    const sql = call.isSafe
      ? `CAST(googlesql_json_or_null(${text.sql}) AS JSON)`
      : `googlesql_parse_json(${text.sql})`;
    return { sql, type: JSON_TYPE };
  },
  PARSE_DATE: (args, call) => parseDate("PARSE_DATE", args, call.isSafe),
  PARSE_DATETIME: (args, call) => parseDate("PARSE_DATETIME", args, call.isSafe),
  PARSE_TIME: (args, call) => parseDate("PARSE_TIME", args, call.isSafe),
  PARSE_TIMESTAMP: (args, call) => parseDate("PARSE_TIMESTAMP", args, call.isSafe),
  POW: ([base, exponent]) => power(required("POW", base), required("POW", exponent)),
  POWER: ([base, exponent]) => power(required("POWER", base), required("POWER", exponent)),
  RAND: () => ({ sql: "random()", type: FLOAT64, isVolatile: true }),
  REGEXP_EXTRACT: (args) => regularExpression("REGEXP_EXTRACT", args),
  REGEXP_EXTRACT_ALL: (args) => regularExpression("REGEXP_EXTRACT_ALL", args),
  REGEXP_SUBSTR: (args) => regularExpression("REGEXP_SUBSTR", args),
  ROUND: (args, call) => rounded(args, call),
  SAFE_DIVIDE: ([left, right]) => safeDivide(required("SAFE_DIVIDE", left), required("SAFE_DIVIDE", right)),
  STRING: (args, call) => zoned(args, call),
  TIME: (args, call) => zoned(args, call),
  TIMESTAMP: (args, call) => zoned(args, call),
  TO_JSON: ([value, mode]) => {
    if (mode) throw new Refusal("TO_JSON", "its second argument is not supported");
    return toJson(required("TO_JSON", value));
  },
  TO_JSON_STRING: ([value, pretty]) => {
    if (pretty) throw new Refusal("TO_JSON_STRING", "its second argument is not supported");
    return toJsonString(required("TO_JSON_STRING", value));
  },
  TRUNC: (args, call) => rounded(args, call),
};

function required(name: string, term: Term | undefined): Term {
  if (!term) throw new Refusal(name, "it needs more arguments");
  return term;
}

function rounded(args: readonly Term[], call: Call): Term {
  const [value, digits, mode] = args;
  if (mode) throw new Refusal(call.name, "its rounding mode is not supported");
  return value && digits
    ? roundTo(call.name, value, digits)
    : callSignature(call, numberSignatures.get(call.name) ?? [], args);
}

/** DATE, DATETIME, STRING, TIME and TIMESTAMP, which take a time zone as their second argument. */
function zoned(args: readonly Term[], call: Call): Term {
  const [value, zone, more] = args;
  if (value && zone && !more && zone.type.kind === "STRING") return inZone(call.name, value, zone);
  return callSignature(call, dateSignatures.get(call.name) ?? textSignatures.get(call.name) ?? [], args);
}

function current(args: readonly Term[], call: Call): Term {
  const [zone, more] = args;
  if (zone && !more) return currentTime(call.name, zone);
  return callSignature(call, dateSignatures.get(call.name) ?? [], args);
}

function coalesce(name: string, args: readonly Term[]): Term {
  if (args.length === 0) throw new Refusal(name, "it needs an argument");
  const { type, terms } = unify(name, args);
  const isVolatile = args.some((arg) => arg.isVolatile) && { isVolatile: true };
  return { sql: `coalesce(${terms.map(({ sql }) => sql).join(", ")})`, type, ...isVolatile };
}

function nullIf(args: readonly Term[]): Term {
  const [value, other, more] = args;
  if (!value || !other || more) throw new Refusal("NULLIF", "it needs two arguments");
  const { type, terms } = unify("NULLIF", [value, other]);
  if (["ARRAY", "STRUCT", "JSON"].includes(type.kind))
    throw new Refusal("NULLIF", `it does not take ${typeName(type)}`);
  assertRepeatable("NULLIF", terms);
  if (type.kind === "FLOAT64")
    return {
      sql: `googlesql_nullif_float(${terms.map(({ sql }) => sql).join(", ")})`,
      type,
    };
  return { sql: `NULLIF(${terms.map(({ sql }) => sql).join(", ")})`, type };
}
