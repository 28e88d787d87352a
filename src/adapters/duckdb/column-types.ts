import * as z from "zod";
import { quoteIdentifier, quoteLiteral } from "./identifiers.ts";
import type { Column, Statements } from "./statements.ts";

/** Rows at the beginning of a file that say what its columns are meant to be. */
const sampleRows = 20_480;
/** A column of which so many values fit a type is meant to be of it: the others are mistakes. */
const meantShare = 0.99;

/** How a column of text is recognised. Numbers with leading zeros are names, so they stay text. */
const candidates = [
  { type: "BOOLEAN", pattern: "(?i)true|false" },
  { type: "BIGINT", pattern: "[+-]?(0|[1-9][0-9]{0,18})" },
  { type: "DOUBLE", pattern: "[+-]?(0|[1-9][0-9]{0,14})?([.][0-9]+)?([eE][+-]?[0-9]{1,3})?" },
  { type: "DATE", pattern: "[0-9]{4}-[0-9]{2}-[0-9]{2}" },
  {
    type: "TIMESTAMP",
    pattern:
      "[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?",
  },
] as const;

/** A column of text or of a file's own type, as a value of the given type; NULL when it does not fit. */
export function converted(column: Column, type: string): string {
  const name = quoteIdentifier(column.name);
  if (column.type === type) return name;
  const text = asText(column);
  // By way of TIMESTAMPTZ, because a direct conversion drops the offset from UTC.
  if (type === "TIMESTAMP") return `CAST(TRY_CAST(${text} AS TIMESTAMPTZ) AS TIMESTAMP)`;
  if (type === "VARCHAR") return text;
  return `TRY_CAST(${/[[(]/.test(column.type) ? name : text} AS ${type})`;
}

/** True where the value is there and the type can't hold it. DuckDB's own conversions round 1.5 to 2. */
export function misfit(column: Column, type: string): string {
  if (column.type === type) return "false";
  const value = converted(column, type);
  const text = asText(column);
  const present = `${quoteIdentifier(column.name)} IS NOT NULL`;
  if (/^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*)$/.test(type))
    return `(${present} AND NOT coalesce(abs(TRY_CAST(${text} AS DOUBLE) - TRY_CAST(${value} AS DOUBLE))
      <= abs(TRY_CAST(${value} AS DOUBLE)) * 1e-14, false))`;
  if (type === "DATE")
    return `(${present} AND NOT coalesce(TRY_CAST(${text} AS TIMESTAMP) = CAST(${value} AS TIMESTAMP), false))`;
  return `(${present} AND ${value} IS NULL)`;
}

/** The types of a table's columns of text, by what is in them. */
export async function inferTypes(
  statements: Statements,
  from: string,
  names: readonly string[],
): Promise<readonly Column[]> {
  const columns = names.map((name) => ({ name, type: "VARCHAR" }));
  const counts = columns.flatMap((column, index) => {
    const name = quoteIdentifier(column.name);
    return [
      `count(${name}) AS all_${index}`,
      `count(${name}) FILTER (rowid < ${sampleRows}) AS sample_${index}`,
      ...candidates.flatMap((candidate) => {
        const fits = `regexp_full_match(trim(${name}), ${quoteLiteral(candidate.pattern)}) AND NOT ${misfit(column, candidate.type)}`;
        return [
          `count(*) FILTER (${fits}) AS all_${index}_${candidate.type}`,
          `count(*) FILTER (rowid < ${sampleRows} AND ${fits}) AS sample_${index}_${candidate.type}`,
        ];
      }),
    ];
  });
  const [row] = await statements.rows(`SELECT ${counts.join(", ")} FROM ${from}`);
  const found = z.record(z.string(), z.bigint().transform(Number)).parse(row);
  return names.map((name, index) => ({ name, type: choose(found, index) }));
}

/** The first type that fits everything; else the one that nearly all of the sample has; else text. */
function choose(found: Readonly<Record<string, number>>, index: number): string {
  const of = (rows: "all" | "sample", type: string) => found[`${rows}_${index}_${type}`] ?? 0;
  const all = found[`all_${index}`] ?? 0;
  const sample = found[`sample_${index}`] ?? 0;
  if (sample === 0) return "VARCHAR";
  const whole = candidates.find((candidate) => of("all", candidate.type) === all);
  if (whole) return whole.type;
  const likeliest = candidates.reduce((best, other) =>
    of("sample", other.type) > of("sample", best.type) ? other : best,
  );
  return of("sample", likeliest.type) >= sample * meantShare ? likeliest.type : "VARCHAR";
}

function asText(column: Column): string {
  const name = quoteIdentifier(column.name);
  if (column.type === "VARCHAR") return name;
  return column.type === "JSON" ? `json_extract_string(${name}, '$')` : `CAST(${name} AS VARCHAR)`;
}
