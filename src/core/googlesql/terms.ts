import { Refusal } from "./refusal.ts";
import type { Node } from "./tree.ts";
import {
  arrayOf,
  DATETIME,
  duckDbType,
  FLOAT64,
  fieldName,
  isSameType,
  NUMERIC,
  quoteName,
  quoteText,
  STRING,
  TIMESTAMP,
  type Type,
  typeName,
} from "./types.ts";
import { dateFromText, datetimeFromText, timestampFromText, zonedFromText } from "./written-times.ts";

/** An expression in DuckDB's SQL, with its type in GoogleSQL. */
export interface Term {
  readonly sql: string;
  readonly type: Type;
  /** What is written in the text itself. Such values take the type that their place needs. */
  readonly written?: Written;
  /** Whether each evaluation may give another value. Such a term may not be repeated. */
  readonly isVolatile?: boolean;
  /** Operands of floating-point arithmetic whose result has not been checked for an overflow. */
  readonly operands?: readonly string[];
}

type Written =
  | { readonly kind: "null" }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "real"; readonly digits: string }
  | { readonly kind: "boolean" }
  /** The function ERROR, which takes the type of its place as NULL does. */
  | { readonly kind: "error" }
  /** An array without items. */
  | { readonly kind: "empty" }
  | { readonly kind: "parameter" };

/** Where an expression is analyzed. */
export interface Context {
  /** Analyzes an expression. */
  term(node: Node): Term;
  /** Analyzes an expression whose overflow the caller checks. */
  operand(node: Node): Term;
  subquery(node: Node): Query;
  /** The definition of a named window. */
  window(name: string): Node | undefined;
  /** Whether the tables are unknown, so that types may be unknown. */
  readonly isCheck: boolean;
}

export interface OutputColumn {
  readonly name: string;
  readonly isAnonymous: boolean;
  readonly type: Type;
  /** Whether it is a NULL without a type. */
  readonly isNull?: boolean;
}

export interface Query {
  readonly sql: string;
  readonly columns: readonly OutputColumn[];
  /** The value of SELECT AS STRUCT. */
  readonly struct?: Type;
  /** Whether it has columns of an unknown table. */
  readonly isOpen?: boolean | undefined;
}

export const nullTerm: Term = { sql: "NULL", type: { kind: "INT64" }, written: { kind: "null" } };

export function isNull(term: Term): boolean {
  return term.written?.kind === "null";
}

/** Whether the term can be written twice without being evaluated to two values. */
export function assertRepeatable(word: string, terms: readonly Term[]): void {
  if (terms.some((term) => term.isVolatile))
    throw new Refusal(
      word,
      "an argument with RAND or GENERATE_UUID is not supported; compute it in a subquery",
    );
}

/** The result of a template in which $1, $2 … are the arguments. */
export function fill(word: string, template: string, args: readonly Term[], type: Type): Term {
  const counts = new Map<number, number>();
  const sql = template.replace(/\$(\d)/g, (_, digit: string) => {
    const index = Number(digit) - 1;
    counts.set(index, (counts.get(index) ?? 0) + 1);
    return args[index]?.sql ?? "NULL";
  });
  const isMacro = template.includes("googlesql_");
  const repeated = args.filter((_, index) => isMacro || (counts.get(index) ?? 0) > 1);
  assertRepeatable(word, repeated);
  return { sql, type, ...(args.some((arg) => arg.isVolatile) && { isVolatile: true }) };
}

/** The type of values of several types, as of the branches of IF. Undefined if there is none. */
function commonType(terms: readonly Term[]): Type | undefined {
  const typed = terms.filter(({ written }) => !/^(null|empty|error)$/.test(written?.kind ?? ""));
  const firm = typed.filter((term) => !isFlexible(term));
  const candidates = firm.length > 0 ? firm : typed;
  const [first] = candidates;
  if (!first) return terms.find((term) => term.written?.kind === "empty")?.type ?? terms[0]?.type;
  let type = first.type;
  for (const { type: other } of candidates) {
    const wider = widerType(type, other);
    if (!wider) return undefined;
    type = wider;
  }
  if (terms.every((term) => convert(term, type) !== undefined)) return type;
  const all = typed
    .map((term) => term.type)
    .reduce<Type | undefined>((one, other) => one && widerType(one, other), type);
  return all && terms.every((term) => convert(term, all) !== undefined) ? all : undefined;
}

/** Written texts and whole numbers follow the types of the others. A written fraction makes whole numbers fractions. */
function isFlexible({ written }: Term): boolean {
  return (
    written?.kind === "text" ||
    written?.kind === "integer" ||
    written?.kind === "real" ||
    written?.kind === "parameter"
  );
}

/** The type that holds the values of two others. */
const wider: Readonly<Record<string, Type>> = {
  "DATE DATETIME": DATETIME,
  "DATETIME TIMESTAMP_OR_DATETIME": DATETIME,
  "FLOAT64 INT64": FLOAT64,
  "FLOAT64 NUMERIC": FLOAT64,
  "INT64 NUMERIC": NUMERIC,
  "TIMESTAMP TIMESTAMP_OR_DATETIME": TIMESTAMP,
};

function widerType(one: Type, other: Type): Type | undefined {
  if (isSameType(one, other) || other.kind === "UNKNOWN") return one;
  return one.kind === "UNKNOWN" ? other : wider[[one.kind, other.kind].sort().join(" ")];
}

/** The term as a value of the type, if GoogleSQL converts it without a CAST. Undefined otherwise. */
export function convert(term: Term, type: Type): Term | undefined {
  const { written } = term;
  if (type.kind === "UNKNOWN" || term.type.kind === "UNKNOWN") return { ...term, type };
  if (written?.kind === "null") return { sql: `CAST(NULL AS ${duckDbType(type)})`, type, written };
  if (written?.kind === "error") return { ...term, sql: `CAST(${term.sql} AS ${duckDbType(type)})`, type };
  if (written?.kind === "empty" && type.kind === "ARRAY")
    return { sql: `CAST([] AS ${duckDbType(type)})`, type, written };
  if (isSameType(term.type, type)) return keepsNames(term.type, type) ? term : renameFields(term, type);
  if (written?.kind === "text") return convertText(written.value, type);
  if (written?.kind === "real" && type.kind === "NUMERIC")
    return { sql: `CAST(${quoteText(written.digits)} AS DECIMAL(38, 9))`, type };
  return convertValue(term, type);
}

/** How DuckDB converts what GoogleSQL converts without a CAST. */
const conversions: Readonly<Record<string, string>> = {
  "INT64 FLOAT64": "CAST($1 AS DOUBLE)",
  "INT64 NUMERIC": "CAST($1 AS DECIMAL(38, 9))",
  "NUMERIC FLOAT64": "googlesql_numeric_to_float($1)",
  "DATE DATETIME": "CAST($1 AS TIMESTAMP)",
  "TIMESTAMP_OR_DATETIME DATETIME": "$1",
  "TIMESTAMP_OR_DATETIME TIMESTAMP": "timezone('UTC', $1)",
};

/** A text that is a parameter becomes a date or a time, as one that is written in the SQL does. */
const parameterConversions: Readonly<Record<string, string>> = {
  DATE: "googlesql_date($1)",
  DATETIME: "googlesql_datetime($1)",
  TIMESTAMP: "googlesql_timestamp($1)",
};

function convertValue(term: Term, type: Type): Term | undefined {
  if (term.type.kind === "STRUCT" && type.kind === "STRUCT") return convertStruct(term, type);
  const isParameter = term.written?.kind === "parameter" && term.type.kind === "STRING";
  const template =
    conversions[`${term.type.kind} ${type.kind}`] ??
    (isParameter ? parameterConversions[type.kind] : undefined);
  if (template === undefined) return undefined;
  return { sql: template.replace("$1", () => term.sql), type, ...(term.isVolatile && { isVolatile: true }) };
}

function convertText(value: string, type: Type): Term | undefined {
  if (type.kind === "DATE") return { sql: `DATE ${quoteText(dateFromText(value))}`, type };
  if (type.kind === "DATETIME") return { sql: `TIMESTAMP ${quoteText(datetimeFromText(value))}`, type };
  if (type.kind === "TIMESTAMP") return timestampTerm(value);
  if (type.kind === "TIMESTAMP_OR_DATETIME")
    return { sql: `CAST(TIMESTAMPTZ ${quoteText(timestampFromText(value))} AS TIMESTAMP)`, type };
  return undefined;
}

/** A TIMESTAMP that is written in the text. */
export function timestampTerm(text: string): Term {
  const zoned = zonedFromText(text);
  const sql = zoned
    ? `googlesql_instant(TIMESTAMP ${quoteText(zoned.local)}, ${quoteText(zoned.zone)})`
    : `TIMESTAMPTZ ${quoteText(timestampFromText(text))}`;
  return { sql, type: TIMESTAMP };
}

function keepsNames(from: Type, to: Type): boolean {
  if (from.kind === "ARRAY" && to.kind === "ARRAY") return keepsNames(from.item, to.item);
  if (from.kind !== "STRUCT" || to.kind !== "STRUCT") return true;
  return from.fields.every((field, index) => {
    const against = to.fields[index];
    return against !== undefined && field.name === against.name && keepsNames(field.type, against.type);
  });
}

function renameFields(term: Term, type: Type): Term | undefined {
  return term.type.kind === "STRUCT" && type.kind === "STRUCT" ? convertStruct(term, type) : undefined;
}

function convertStruct(term: Term, type: Type & { readonly kind: "STRUCT" }): Term | undefined {
  if (term.type.kind !== "STRUCT" || term.type.fields.length !== type.fields.length) return undefined;
  const from = term.type.fields;
  const fields = type.fields.map((field, index) => {
    const source = from[index];
    if (!source) return undefined;
    const value = { sql: fieldSql(term.sql, fieldName(source, index)), type: source.type };
    const converted = convert(value, field.type);
    return converted && `${quoteName(fieldName(field, index))} := ${converted.sql}`;
  });
  if (fields.some((field) => field === undefined) || term.isVolatile) return undefined;
  return { sql: `CASE WHEN ${term.sql} IS NOT NULL THEN struct_pack(${fields.join(", ")}) END`, type };
}

export function fieldSql(struct: string, name: string): string {
  return `struct_extract(${struct}, ${quoteText(name)})`;
}

/** All terms as one type. Refuses values that have none in common. */
export function unify(
  word: string,
  terms: readonly Term[],
): { readonly type: Type; readonly terms: readonly Term[] } {
  const type = commonType(terms);
  const converted = type && terms.map((term) => convert(term, type));
  if (!type || !converted || converted.some((term) => term === undefined))
    throw new Refusal(
      word,
      `it has no common type for ${terms.map(({ type: of }) => typeName(of)).join(", ")}; CAST them`,
    );
  return { type, terms: converted.filter((term) => term !== undefined) };
}

/** The term as a value of the type. Refuses one that GoogleSQL does not convert. */
export function expect(word: string, term: Term, type: Type): Term {
  const converted = convert(term, type);
  if (!converted)
    throw new Refusal(word, `it takes ${typeName(type)} here, not ${typeName(term.type)}; CAST it`);
  return converted;
}

/** The text of a string that is written in the SQL itself. */
export function writtenText(word: string, what: string, term: Term | undefined): string {
  if (term?.written?.kind !== "text")
    throw new Refusal(word, `${what} must be written as a string, so that it is known`);
  return term.written.value;
}

export const textArray = arrayOf(STRING);
