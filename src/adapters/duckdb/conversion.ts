import { kindPatterns, utcPattern } from "../../core/files/column-kinds.ts";
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
  const parts = conversions.map((conversion, index) => conversionParts(conversion, index, missing));
  const values = parts.map(({ value, isMisfit, cast, rest }, index) => {
    const converted = `CASE WHEN ${rest} IS NULL THEN ${value} WHEN ${isMisfit} THEN ${refusal} ELSE ${cast} END`;
    const name = quoteIdentifier(conversions[index]?.column.name ?? "");
    return `${isMisfit === "false" ? cast : converted} AS ${name}`;
  });
  return selectFrom(`(${from})`, parts, values);
}

const refusal = "error('a value does not fit its column')";

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
  const parts = conversions.map((conversion, index) => conversionParts(conversion, index, missing));
  const counts = parts.map(
    ({ isMisfit, rest }, index) =>
      `count(*) FILTER (CASE WHEN ${rest} IS NULL THEN false ELSE ${isMisfit} END) AS misfits_${index}`,
  );
  return selectFrom(from, parts, counts);
}

/** In levels, so that each expression is computed once, and the slow ones only for the rest of the texts. */
function selectFrom(from: string, parts: readonly ConversionParts[], results: readonly string[]): string {
  const levels = [0, 1, 2].map((level) => parts.flatMap(({ levels: all }) => all[level] ?? []).join(", "));
  return `SELECT ${results.join(", ")}
    FROM (SELECT ${levels[2]} FROM (SELECT ${levels[1]} FROM (SELECT ${levels[0]} FROM ${from})))`;
}

interface ConversionParts {
  /** The columns of each level of SELECTs, from the innermost. */
  readonly levels: readonly (readonly string[])[];
  /** What the rules have to look at. It is NULL where `value` is the converted value already. */
  readonly rest: string;
  readonly value: string;
  /** Whether the rest does not fit, and its value if it does. */
  readonly isMisfit: string;
  readonly cast: string;
}

function conversionParts(
  { column, type, accepts }: Conversion,
  index: number,
  missing: NullTexts,
): ConversionParts {
  // By position, so that no name of the file collides with one of ours.
  const raw = { name: `raw_${index}`, type: column.type };
  const source = quoteIdentifier(column.name);
  const read = `${source} AS ${raw.name}`;
  const rule = accepts === "inferred" ? misfitSql : lossyConversionSql;
  const plain = { levels: [[read], [raw.name], [raw.name]], rest: raw.name, value: "NULL" };
  const isMisfit = rule(raw, type, missing);
  if (column.type !== "VARCHAR" || (isMisfit === "false" && accepts !== "missing"))
    return { ...plain, isMisfit, cast: castSql(raw, type, missing) };
  const text = { name: `text_${index}`, type: "VARCHAR" };
  if (accepts === "missing") {
    const levels = [[read], [raw.name], [raw.name, `${valueSql(raw, missing)} AS ${text.name}`]];
    return { levels, rest: text.name, value: raw.name, isMisfit: "true", cast: raw.name };
  }
  const [direct, value] = [`direct_${index}`, `value_${index}`];
  const shortcuts = shortcutsTo(type, raw.name, direct).map(
    (condition) => `WHEN ${condition} THEN ${direct} `,
  );
  const levels = [
    shortcuts.length > 0 ? [read, `TRY_CAST(${source} AS ${type}) AS ${direct}`] : [read],
    [
      raw.name,
      `${shortcuts.length > 0 ? `CASE ${shortcuts.join("")}END` : `CAST(NULL AS ${type})`} AS ${value}`,
    ],
    [value, `CASE WHEN ${value} IS NULL THEN ${valueSql(raw, missing)} END AS ${text.name}`],
  ];
  return { levels, rest: text.name, value, isMisfit: rule(text, type, []), cast: castSql(text, type, []) };
}

/**
 * Cheap conditions for texts whose direct conversion, `value`, is what the rules give. Nearly all texts meet one. Most
 * rely on a text being the one that DuckDB itself writes for the value.
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
  if (!/^TIMESTAMP( WITH TIME ZONE)?$/.test(type)) return [];
  const isInRange = `${value} >= TIMESTAMP '0001-01-01 00:00:00' AND ${value} < TIMESTAMP '10000-01-01 00:00:00'`;
  // The text of an instant ends in its offset, which files seldom have.
  const isWrittenTime = `CAST(CAST(${value} AS TIMESTAMP) AS VARCHAR) = ${text}`;
  return [`${isWrittenTime} AND ${isInRange}`, `${matchesSql(text, utcPattern)} AND ${value} IS NOT NULL`];
}
