import { Refusal } from "../refusal.ts";
import { assertRepeatable, type Context, convert, isNull, type Term } from "../terms.ts";
import { isRecord, type Node } from "../tree.ts";
import {
  arrayOf,
  BOOL,
  BYTES,
  DATE,
  DATETIME,
  duckDbType,
  FLOAT64,
  INT64,
  isSameType,
  JSON_TYPE,
  NUMERIC,
  STRING,
  TIME,
  TIMESTAMP,
  type Type,
  typeName,
} from "../types.ts";

/** How values of a type are cast to another: `from to`. Those with `safe` may fail. */
const casts: Readonly<Record<string, { readonly strict: string; readonly safe?: string }>> = {
  "INT64 FLOAT64": { strict: "CAST($1 AS DOUBLE)" },
  "INT64 NUMERIC": { strict: "CAST($1 AS DECIMAL(38, 9))" },
  "INT64 STRING": { strict: "CAST($1 AS VARCHAR)" },
  "INT64 BOOL": { strict: "($1 <> 0)" },
  "FLOAT64 INT64": { strict: "CAST(round($1) AS BIGINT)", safe: "TRY_CAST(round($1) AS BIGINT)" },
  "FLOAT64 NUMERIC": { strict: "googlesql_float_to_numeric($1)" },
  "FLOAT64 STRING": { strict: "googlesql_float_to_text($1)" },
  "NUMERIC INT64": { strict: "CAST(round($1) AS BIGINT)", safe: "TRY_CAST(round($1) AS BIGINT)" },
  "NUMERIC FLOAT64": { strict: "googlesql_numeric_to_float($1)" },
  "NUMERIC STRING": { strict: "googlesql_numeric_to_text($1)" },
  "BOOL INT64": { strict: "CAST($1 AS BIGINT)" },
  "BOOL STRING": { strict: "CAST($1 AS VARCHAR)" },
  "STRING INT64": { strict: "googlesql_int64($1)", safe: "googlesql_safe_int64($1)" },
  "STRING FLOAT64": { strict: "googlesql_float64($1)", safe: "googlesql_safe_float64($1)" },
  "STRING NUMERIC": { strict: "googlesql_text_to_numeric($1)", safe: "googlesql_safe_text_to_numeric($1)" },
  "STRING BOOL": { strict: "googlesql_bool($1)", safe: "googlesql_safe_bool($1)" },
  "STRING BYTES": { strict: "encode($1)" },
  "STRING DATE": { strict: "googlesql_date($1)", safe: "googlesql_safe_date($1)" },
  "STRING DATETIME": { strict: "googlesql_datetime($1)", safe: "googlesql_safe_datetime($1)" },
  "STRING TIMESTAMP": { strict: "googlesql_timestamp($1)", safe: "googlesql_safe_timestamp($1)" },
  "STRING TIME": { strict: "googlesql_time($1)", safe: "googlesql_safe_time($1)" },
  "BYTES STRING": { strict: "decode($1)", safe: "TRY(decode($1))" },
  "DATE STRING": { strict: "CAST($1 AS VARCHAR)" },
  "DATE DATETIME": { strict: "CAST($1 AS TIMESTAMP)" },
  "DATE TIMESTAMP": { strict: "timezone('UTC', CAST($1 AS TIMESTAMP))" },
  "DATETIME DATE": { strict: "CAST($1 AS DATE)" },
  "DATETIME TIME": { strict: "CAST($1 AS TIME)" },
  "DATETIME TIMESTAMP": { strict: "timezone('UTC', $1)" },
  "DATETIME STRING": { strict: "googlesql_datetime_to_text($1)" },
  "TIMESTAMP DATE": { strict: "CAST(timezone('UTC', $1) AS DATE)" },
  "TIMESTAMP DATETIME": { strict: "timezone('UTC', $1)" },
  "TIMESTAMP TIME": { strict: "CAST(timezone('UTC', $1) AS TIME)" },
  "TIMESTAMP STRING": { strict: "(googlesql_datetime_to_text(timezone('UTC', $1)) || '+00')" },
  "TIME STRING": { strict: "googlesql_time_to_text($1)" },
  "TIMESTAMP_OR_DATETIME DATE": { strict: "CAST($1 AS DATE)" },
  "TIMESTAMP_OR_DATETIME DATETIME": { strict: "$1" },
  "TIMESTAMP_OR_DATETIME TIMESTAMP": { strict: "timezone('UTC', $1)" },
  "TIMESTAMP_OR_DATETIME TIME": { strict: "CAST($1 AS TIME)" },
};

/** CAST and SAFE_CAST. */
export function castNode(node: Node, context: Context): Term {
  const isSafe = node.kind === "safe_cast";
  const word = isSafe ? "SAFE_CAST" : "CAST";
  const source = node.node("this");
  const to = readType(node.raw("to"));
  if (node.has("format"))
    throw new Refusal(
      "FORMAT",
      `${word} with FORMAT is not supported; write FORMAT_DATE, FORMAT_TIMESTAMP or PARSE_DATE`,
    );
  const struct = source.kind === "struct" || source.kind === "array";
  node.end(word);
  const term = struct ? context.term(source) : context.term(source);
  return cast(word, term, to, isSafe);
}

export function cast(word: string, term: Term, to: Type, isSafe = false): Term {
  if (isNull(term)) return { sql: `CAST(NULL AS ${duckDbType(to)})`, type: to, written: { kind: "null" } };
  if (term.type.kind === "UNKNOWN") return { ...term, type: to };
  return castWithoutRule(term, to) ?? castByRule(word, term, to, isSafe);
}

function castWithoutRule(term: Term, to: Type): Term | undefined {
  if (isSameType(term.type, to))
    return term.written?.kind === "text" ? { sql: term.sql, type: to } : (convert(term, to) ?? term);
  if (term.written?.kind === "empty" || term.type.kind === "ARRAY" || term.type.kind === "STRUCT")
    return convertNested(term, to);
  return term.written?.kind === "real" && to.kind === "NUMERIC" ? convert(term, to) : undefined;
}

function castByRule(word: string, term: Term, to: Type, isSafe: boolean): Term {
  const rule = casts[`${term.type.kind} ${to.kind}`];
  if (!rule) throw new Refusal(word, castProblem(term.type, to));
  if (isSafe && term.type.kind === "FLOAT64" && to.kind === "NUMERIC")
    throw new Refusal(word, "SAFE_CAST of FLOAT64 to NUMERIC is not supported; write CAST");
  const template = isSafe ? (rule.safe ?? rule.strict) : rule.strict;
  if (template.includes("googlesql_")) assertRepeatable(word, [term]);
  return {
    sql: template.replaceAll("$1", () => term.sql),
    type: to,
    ...(term.isVolatile && { isVolatile: true }),
  };
}

function castProblem(from: Type, to: Type): string {
  if (from.kind === "TIMESTAMP_OR_DATETIME")
    return "the result depends on whether it is a TIMESTAMP or a DATETIME; write TIMESTAMP(column) or DATETIME(column)";
  return `a value of ${typeName(from)} can't be cast to ${typeName(to)} here`;
}

function convertNested(term: Term, to: Type): Term | undefined {
  const direct = convert(term, to);
  if (direct) return direct;
  if (term.type.kind !== "ARRAY" || to.kind !== "ARRAY") return undefined;
  const item = convert({ sql: "item", type: term.type.item }, to.item);
  return item && { sql: `list_transform(${term.sql}, lambda item: ${item.sql})`, type: to };
}

const named: Readonly<Record<string, Type>> = {
  BIGINT: INT64,
  BIG_INT: INT64,
  BOOL,
  BOOLEAN: BOOL,
  BYTEINT: INT64,
  BYTES,
  DATE,
  DATETIME,
  DECIMAL: NUMERIC,
  DOUBLE: FLOAT64,
  FLOAT64,
  INT: INT64,
  INT64,
  INTEGER: INT64,
  JSON: JSON_TYPE,
  NUMERIC,
  SMALLINT: INT64,
  SMALL_INT: INT64,
  STRING,
  TEXT: STRING,
  TIME,
  TINYINT: INT64,
  TINY_INT: INT64,
  TIMESTAMP,
  TIMESTAMPTZ: TIMESTAMP,
  VAR_BINARY: BYTES,
  VARBINARY: BYTES,
};

/** A type as the parser writes it. Refuses types with limits such as STRING(10). */
export function readType(raw: unknown): Type {
  if (!isRecord(raw) || typeof raw.data_type !== "string") throw new Refusal("CAST", "the type is not known");
  const { data_type: kind, name } = raw;
  const written = (kind === "custom" && typeof name === "string" ? name : kind).toUpperCase();
  if (kind === "array") return arrayOf(readType(raw.element_type));
  if (kind === "struct" && Array.isArray(raw.fields))
    return {
      kind: "STRUCT",
      fields: raw.fields.map((field: unknown) => {
        if (!isRecord(field)) throw new Refusal("STRUCT", "its type is not known");
        return { name: typeof field.name === "string" ? field.name : "", type: readType(field.data_type) };
      }),
    };
  for (const limit of ["length", "precision", "scale"])
    if (typeof raw[limit] === "number")
      throw new Refusal(written, "a type with a length or a precision is not supported; use ROUND or SUBSTR");
  const type = named[written];
  if (!type) throw new Refusal(written, "this type is not supported here");
  return type;
}
