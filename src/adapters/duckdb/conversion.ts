import { kindPatterns, utcPattern } from "../../core/files/column-values.ts";
import {
  castSql,
  decimalPattern,
  isFraction,
  lossyConversionSql,
  matchesSql,
  misfitSql,
  type NullTexts,
  valueSql,
} from "./column-types.ts";
import { type Column, quoteIdentifier, type Statements } from "./statements.ts";

/** A column of a file and the type that its values get. */
export interface Conversion {
  readonly column: Column;
  readonly type: string;
  /**
   * Which values fit: those that the type holds without loss, only those that the type was inferred from (`5.0` is no
   * integer then), or only missing ones. Default: `lossless`.
   */
  readonly accepts?: "lossless" | "inferred" | "missing";
}

/** SQL that reads all rows of `from` and converts them. It fails at a value that does not fit. */
export function convertingSelect(
  from: string,
  conversions: readonly Conversion[],
  missing: NullTexts,
): string {
  const columns = conversions.map((conversion, index) => {
    const { raw, type, inner, shortcuts, misfit } = conversionParts(conversion, index, missing);
    const cast = castSql(raw, type, missing);
    const refusal = "error('a value does not fit its column')";
    const value =
      misfit === "false"
        ? cast
        : `CASE ${shortcuts.map(([condition, result]) => `WHEN ${condition} THEN ${result} `).join("")}
           WHEN ${raw.name} IS NULL THEN NULL WHEN ${misfit} THEN ${refusal} ELSE ${cast} END`;
    return { inner, outer: `${value} AS ${quoteIdentifier(conversion.column.name)}` };
  });
  return `SELECT ${columns.map(({ outer }) => outer).join(", ")}
    FROM (SELECT ${columns.flatMap(({ inner }) => inner).join(", ")} FROM (${from}))`;
}

/** Columns counted by one statement, so that its planning takes little time and memory. */
const columnsAtOnce = 100;

/** The conversions that do not fit some rows of `from`. */
export async function conversionsWithMisfits(
  statements: Statements,
  from: string,
  conversions: readonly Conversion[],
  missing: NullTexts,
): Promise<readonly Conversion[]> {
  const found: Conversion[] = [];
  for (let at = 0; at < conversions.length; at += columnsAtOnce) {
    const some = conversions.slice(at, at + columnsAtOnce);
    const [row] = await statements.rows(misfitsSelect(from, some, missing));
    found.push(...some.filter((_, index) => row?.[`misfits_${index}`] !== 0n));
  }
  return found;
}

/** SQL that counts the misfits of each conversion, in one row of columns `misfits_<index>`. */
export function misfitsSelect(from: string, conversions: readonly Conversion[], missing: NullTexts): string {
  const columns = conversions.map((conversion, index) => {
    const { raw, inner, shortcuts, misfit } = conversionParts(conversion, index, missing);
    const isMisfit = `CASE ${shortcuts.map(([condition]) => `WHEN ${condition} THEN false `).join("")}
      WHEN ${raw.name} IS NULL THEN false ELSE ${misfit} END`;
    return { inner, outer: `count(*) FILTER (${isMisfit}) AS misfits_${index}` };
  });
  return `SELECT ${columns.map(({ outer }) => outer).join(", ")}
    FROM (SELECT ${columns.flatMap(({ inner }) => inner).join(", ")} FROM ${from})`;
}

/** The parts of a conversion in two levels, so that the value which the shortcuts check is computed once. */
function conversionParts({ column, type, accepts }: Conversion, index: number, missing: NullTexts) {
  // By position, so that no name of the file collides with one of ours.
  const raw = { name: `raw_${index}`, type: column.type };
  const value = `value_${index}`;
  const source = `${quoteIdentifier(column.name)}`;
  const inner = [`${source} AS ${raw.name}`];
  if (accepts === "missing")
    return { raw, type, inner, shortcuts: [], misfit: `${valueSql(raw, missing)} IS NOT NULL` };
  const misfit =
    accepts === "inferred" ? misfitSql(raw, type, missing) : lossyConversionSql(raw, type, missing);
  const shortcuts = column.type === "VARCHAR" ? shortcutsTo(type, raw.name, value) : [];
  if (shortcuts.length > 0) inner.push(`TRY_CAST(${source} AS ${type}) AS ${value}`);
  return { raw, type, inner, shortcuts: shortcuts.map((condition) => [condition, value] as const), misfit };
}

/**
 * Cheap conditions for texts whose direct conversion, `value`, is what the full rules give: nearly all texts meet them.
 * Most rely on a text being the one that DuckDB itself writes for the value.
 */
function shortcutsTo(type: string, text: string, value: string): readonly string[] {
  const isWritten = `CAST(${value} AS VARCHAR) = ${text}`;
  if (/^(U?(TINY|SMALL)INT|U?INTEGER|BIGINT)$/.test(type)) return [isWritten];
  const scale = /^DECIMAL\(\d+,(\d+)\)$/.exec(type)?.[1];
  if (scale !== undefined)
    return [`${matchesSql(text, decimalPattern(Number(scale)))} AND ${value} IS NOT NULL`];
  if (isFraction.test(type)) return [`${matchesSql(text, kindPatterns.decimal)} AND isfinite(${value})`];
  if (type === "BOOLEAN") return [`${matchesSql(text, kindPatterns.boolean)} AND ${value} IS NOT NULL`];
  if (type === "DATE") return [`${isWritten} AND ${value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'`];
  if (type !== "TIMESTAMP") return [];
  const isInRange = `${value} >= TIMESTAMP '0001-01-01 00:00:00' AND ${value} < TIMESTAMP '10000-01-01 00:00:00'`;
  return [`${isWritten} AND ${isInRange}`, `${matchesSql(text, utcPattern)} AND ${value} IS NOT NULL`];
}
