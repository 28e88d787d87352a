import * as z from "zod";
import {
  type ColumnKind,
  commonKind,
  digitsPattern,
  kindPatterns,
  midnightPattern,
  sampleRows,
  type TypedKind,
  typedKinds,
  wholePattern,
} from "../../core/files/column-values.ts";
import { type Column, quoteIdentifier, quoteLiteral, type Statements } from "./statements.ts";

const types: Readonly<Record<ColumnKind, string>> = {
  boolean: "BOOLEAN",
  integer: "BIGINT",
  decimal: "DOUBLE",
  date: "DATE",
  timestamp: "TIMESTAMP",
  text: "VARCHAR",
};

const isNested = /^STRUCT|\]$/;
const isFraction = /^(DOUBLE|FLOAT|REAL)$/;

/** Columns checked by one statement: DuckDB's planning time grows with the square of their number. */
export const columnsAtOnce = 10;

/** Texts that mean NULL in columns other than text. */
export type NullTexts = readonly string[];

/** SQL that converts a column to a type. The value is NULL if it does not fit. */
export function castSql(column: Column, type: string, missing: NullTexts): string {
  const name = quoteIdentifier(column.name);
  if (column.type === type) return name;
  if (type === "VARCHAR") return textSql(column);
  if (/[[(]/.test(column.type)) return `TRY_CAST(${name} AS ${type})`;
  const text = valueSql(column, missing);
  // Through TIMESTAMPTZ, because a direct conversion drops the offset from UTC.
  if (type === "TIMESTAMP") return `CAST(TRY_CAST(${text} AS TIMESTAMPTZ) AS TIMESTAMP)`;
  return `TRY_CAST(${text} AS ${type})`;
}

/** SQL condition for values that the type can't hold exactly. DuckDB's own conversions round 1.5 to 2. */
export function lossyConversionSql(column: Column, type: string, missing: NullTexts): string {
  if (column.type === type || (type === "VARCHAR" && !/[[(]/.test(column.type))) return "false";
  const name = quoteIdentifier(column.name);
  // DuckDB's text form of objects and lists is not JSON.
  if (isNested.test(column.type) && type === "VARCHAR") return `${name} IS NOT NULL`;
  const value = castSql(column, type, missing);
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT/.test(column.type) && isFraction.test(type))
    return `(TRY_CAST(${value} AS HUGEINT) IS DISTINCT FROM TRY_CAST(${name} AS HUGEINT))`;
  if (isNested.test(column.type)) {
    // If the conversion lost something, converting back gives another value.
    const back = `TRY_CAST(${value} AS ${column.type})`;
    return `(${name} IS NOT NULL AND (${value} IS NULL OR ${back} IS DISTINCT FROM ${name}))`;
  }
  const text = valueSql(column, missing);
  const isWritten = column.type === "VARCHAR" || column.type === "JSON";
  const pattern = isWritten || type === "BOOLEAN" ? textPattern(type) : undefined;
  const fits =
    pattern === undefined
      ? "true"
      : `regexp_full_match(${text}, ${quoteLiteral(pattern)}) AND ${isRepresentableSql(value, type)}`;
  return `(${text} IS NOT NULL AND NOT coalesce(${fits} AND ${isSameValueSql(text, value, type)}, false))`;
}

/** SQL condition for texts that became a value of the type. 1e400 becomes infinity. */
function isRepresentableSql(value: string, type: string): string {
  return isFraction.test(type) ? `isfinite(${value})` : `${value} IS NOT NULL`;
}

/** The pattern of texts that a column of this type accepts. */
function textPattern(type: string): string | undefined {
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) return wholePattern;
  if (isFraction.test(type)) return kindPatterns.decimal;
  if (/^DECIMAL/.test(type)) return "-?((0|[1-9][0-9]*)([.][0-9]+)?|[.][0-9]+)";
  if (/^TIMESTAMP/.test(type)) return kindPatterns.timestamp;
  if (type === "DATE") return midnightPattern;
  return type === "BOOLEAN" ? kindPatterns.boolean : undefined;
}

function isSameValueSql(text: string, value: string, type: string): string {
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*)$/.test(type))
    return `abs(TRY_CAST(${text} AS DOUBLE) - TRY_CAST(${value} AS DOUBLE)) <= abs(TRY_CAST(${value} AS DOUBLE)) * 1e-14`;
  if (type === "DATE") return `TRY_CAST(${text} AS TIMESTAMP) = CAST(${value} AS TIMESTAMP)`;
  return `${value} IS NOT NULL`;
}

/** A text column with the type inferred from its values. */
export interface InferredColumn extends Column {
  /** Whether some values do not have that type. */
  readonly hasMisfits: boolean;
}

/** Infers the types of text columns from their values. `from`: numbered rows. `possible`: the kinds to consider. */
export async function inferTypes(
  statements: Statements,
  from: string,
  names: readonly string[],
  missing: NullTexts,
  possible: readonly TypedKind[] = typedKinds,
): Promise<readonly InferredColumn[]> {
  const columns: InferredColumn[] = [];
  for (let at = 0; at < names.length; at += columnsAtOnce) {
    const some = names.slice(at, at + columnsAtOnce);
    const found = await countKinds(statements, from, some, missing, possible);
    columns.push(...some.map((name, index) => toInferredColumn(name, found, index)));
  }
  return columns;
}

/** Counts values by kind in three nested steps, so that each expression is written once: values, kinds, counts. */
async function countKinds(
  statements: Statements,
  from: string,
  names: readonly string[],
  missing: NullTexts,
  possible: readonly TypedKind[],
): Promise<ReadonlyMap<string, number>> {
  const values = names.map(
    (name, index) => `${valueSql({ name, type: "VARCHAR" }, missing)} AS value_${index}`,
  );
  const labels = names.flatMap((_, index) =>
    [...possible, "present", "codes"].map((kind) => `${kind}_${index}`),
  );
  const facts = names.flatMap((_, index) => {
    const column = { name: `value_${index}`, type: "VARCHAR" };
    const matches = (pattern: string) => `regexp_full_match(${column.name}, ${quoteLiteral(pattern)})`;
    const fits = (kind: TypedKind) =>
      `${matches(kindPatterns[kind])} AND ${isRepresentableSql(castSql(column, types[kind], []), types[kind])}`;
    return [
      ...possible.map((kind) => `${fits(kind)} AS ${kind}_${index}`),
      `${column.name} IS NOT NULL AS present_${index}`,
      `${matches(digitsPattern)} AND NOT (${fits("integer")}) AS codes_${index}`,
    ];
  });
  const counts = labels.flatMap((label) => [
    `count(*) FILTER (${label}) AS all_${label}`,
    `count(*) FILTER (${label} AND row < ${sampleRows}) AS sample_${label}`,
  ]);
  const [row] = await statements.rows(
    `SELECT ${counts.join(", ")} FROM (SELECT row, ${facts.join(", ")}
     FROM (SELECT _baton_row AS row, ${values.join(", ")} FROM ${from}))`,
  );
  return new Map(Object.entries(z.record(z.string(), z.bigint().transform(Number)).parse(row)));
}

function toInferredColumn(name: string, found: ReadonlyMap<string, number>, index: number): InferredColumn {
  const of = (rows: "all" | "sample", label: string) => found.get(`${rows}_${label}_${index}`) ?? 0;
  const each = (rows: "all" | "sample") => ({
    boolean: of(rows, "boolean"),
    integer: of(rows, "integer"),
    decimal: of(rows, "decimal"),
    date: of(rows, "date"),
    timestamp: of(rows, "timestamp"),
  });
  const all = of("all", "present");
  const kind = commonKind({
    all,
    sample: of("sample", "present"),
    codes: of("all", "codes"),
    allOf: each("all"),
    sampleOf: each("sample"),
  });
  return { name, type: types[kind], hasMisfits: kind !== "text" && of("all", kind) < all };
}

/** Without IN: DuckDB turns a long IN into a join, which does not keep the order of the rows. */
export function isOneOfSql(value: string, texts: readonly string[]): string {
  return `list_contains([${texts.map(quoteLiteral).join(", ")}], ${value})`;
}

/** The value, or NULL if the condition is true. */
export function nullIfSql(condition: string, value: string): string {
  return `CASE WHEN NOT ${condition} THEN ${value} END`;
}

/** The text of a column; NULL for texts that mean NULL. */
function valueSql(column: Column, missing: NullTexts): string {
  if (column.type !== "VARCHAR" || missing.length === 0) return textSql(column);
  const text = `trim(${textSql(column)}, E' \\t\\r\\n')`;
  return nullIfSql(isOneOfSql(text, missing), text);
}

function textSql(column: Column): string {
  const name = quoteIdentifier(column.name);
  if (column.type === "VARCHAR") return name;
  return column.type === "JSON" ? `json_extract_string(${name}, '$')` : `CAST(${name} AS VARCHAR)`;
}
