import {
  type ColumnKind,
  kindPatterns,
  midnightPattern,
  type TableKind,
  type TypedKind,
  typedKinds,
  wholePattern,
} from "../../core/files/column-kinds.ts";
import { type Column, quoteIdentifier, quoteLiteral } from "./statements.ts";

/** The types of columns that are made for a file. A time is an instant, as in BigQuery. */
export const typeOfKind: Readonly<Record<ColumnKind, string>> = {
  boolean: "BOOLEAN",
  integer: "BIGINT",
  decimal: "DOUBLE",
  date: "DATE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
  text: "VARCHAR",
};

/** What the texts of a file have to be for a column of this type. */
export function kindOfType(type: string): TableKind {
  if (type === "VARCHAR") return "text";
  if (type === "BOOLEAN") return "boolean";
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) return "integer";
  if (isFraction.test(type)) return "decimal";
  if (/^DECIMAL/.test(type)) return "number";
  if (/^TIMESTAMP/.test(type)) return "timestamp";
  return type === "DATE" ? "date" : "other";
}

const isNested = /^STRUCT|\]$/;
export const isFraction = /^(DOUBLE|FLOAT|REAL)$/;

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
    pattern === undefined ? "true" : `${matchesSql(text, pattern)} AND ${isRepresentableSql(value, type)}`;
  return `(${text} IS NOT NULL AND NOT coalesce(${fits} AND ${isSameValueSql(text, value, type)}, false))`;
}

/** SQL condition for values that are not of the kind from which a column of this type is inferred. */
export function misfitSql(column: Column, type: string, missing: NullTexts): string {
  const kind = typedKinds.find((found) => typeOfKind[found] === type);
  if (!kind) return "false";
  const text = valueSql(column, missing);
  const value = castSql(column, type, missing);
  const fits = `${matchesSql(text, kindPatterns[kind])} AND ${isRepresentableSql(value, type)}`;
  return `(${text} IS NOT NULL AND NOT coalesce(${fits}, false))`;
}

/** SQL condition for texts, with their missing ones left out before, that are values of the kind. */
export function isOfKindSql(text: string, kind: TypedKind): string {
  const value = castSql({ name: text, type: "VARCHAR" }, typeOfKind[kind], []);
  const isValue = `coalesce(${isRepresentableSql(value, typeOfKind[kind])}, false)`;
  // The pattern first: to convert another text takes longer.
  return `CASE WHEN ${matchesSql(text, kindPatterns[kind])} THEN ${isValue} ELSE false END`;
}

/** SQL condition for texts that match a pattern from their first to their last character. */
export function matchesSql(text: string, pattern: string): string {
  return `regexp_full_match(${text}, ${quoteLiteral(pattern)})`;
}

/** Decimals as texts. `scale`: the most digits of the fraction. */
export function decimalPattern(scale?: number): string {
  const fraction = `[.][0-9]{1,${scale ?? ""}}`;
  return scale === 0 ? "-?(0|[1-9][0-9]*)" : `-?((0|[1-9][0-9]*)(${fraction})?|${fraction})`;
}

/** SQL condition for texts that became a value of the type. 1e400 becomes infinity. */
function isRepresentableSql(value: string, type: string): string {
  return isFraction.test(type) ? `isfinite(${value})` : `${value} IS NOT NULL`;
}

/** The pattern of texts that a column of this type accepts. */
function textPattern(type: string): string | undefined {
  if (/^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/.test(type)) return wholePattern;
  if (isFraction.test(type)) return kindPatterns.decimal;
  if (/^DECIMAL/.test(type)) return decimalPattern();
  if (/^TIMESTAMP/.test(type)) return kindPatterns.timestamp;
  if (type === "DATE") return midnightPattern;
  return type === "BOOLEAN" ? kindPatterns.boolean : undefined;
}

function isSameValueSql(text: string, value: string, type: string): string {
  const [written, read] = [text, value].map((sql) => `TRY_CAST(${sql} AS DOUBLE)`);
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*)$/.test(type))
    return `abs(${written} - ${read}) <= abs(${read}) * 1e-14`;
  if (type === "DATE") return `TRY_CAST(${text} AS TIMESTAMP) = TRY_CAST(${value} AS TIMESTAMP)`;
  return `${value} IS NOT NULL`;
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
export function valueSql(column: Column, missing: NullTexts): string {
  const text = textSql(column);
  return column.type === "VARCHAR" ? presentSql(trimmedSql(text, missing), missing) : text;
}

/** Without the white space around it. Texts of JSON, where no text means NULL, keep it. */
export function trimmedSql(text: string, missing: NullTexts): string {
  return missing.length === 0 ? text : `trim(${text}, E' \\t\\r\\n')`;
}

/** A trimmed text, or NULL if it means NULL. */
export function presentSql(trimmed: string, missing: NullTexts): string {
  return missing.length === 0 ? trimmed : nullIfSql(isOneOfSql(trimmed, missing), trimmed);
}

function textSql(column: Column): string {
  const name = quoteIdentifier(column.name);
  if (column.type === "VARCHAR") return name;
  return column.type === "JSON" ? `json_extract_string(${name}, '$')` : `CAST(${name} AS VARCHAR)`;
}
