import * as z from "zod";
import { guessRows, hasDecisiveMisfits } from "../../core/files/column-guess.ts";
import {
  commonKind,
  digitsPattern,
  sampleRows,
  type TypedKind,
  typedKinds,
  type ValueCounts,
} from "../../core/files/column-kinds.ts";
import {
  isOfKindSql,
  matchesSql,
  type NullTexts,
  presentSql,
  trimmedSql,
  typeOfKind,
} from "./column-types.ts";
import { conversionsWithMisfits } from "./conversion.ts";
import { type Column, quoteIdentifier, rowCount, type Statements } from "./statements.ts";

/** A text column with the type inferred from its values. */
export interface InferredColumn extends Column {
  /** Whether some values do not have that type. */
  readonly hasMisfits: boolean;
}

/** What to infer types from. */
export interface TextRows {
  readonly statements: Statements;
  /** Numbered rows, as SQL. */
  readonly from: string;
  readonly missing: NullTexts;
  /** The kinds to consider. */
  readonly possible: readonly TypedKind[];
}

/**
 * Infers the types of text columns from their values, by the rule of `commonKind`. The sample is counted first. It
 * decides for most columns of text, and for each other column which one kind the whole file is checked for. Only the
 * columns that are still open then are counted in full.
 */
export async function inferTypes(
  rows: TextRows,
  names: readonly string[],
): Promise<readonly InferredColumn[]> {
  const sample = await countKinds(rows, `(FROM ${rows.from} WHERE _baton_row < ${sampleRows})`, names);
  const fittingKinds = (name: string) => {
    const counts = sample.get(name);
    return counts ? rows.possible.filter((kind) => counts.allOf[kind] === counts.all) : rows.possible;
  };
  const likely = new Map<string, TypedKind>();
  for (const name of sample.keys()) {
    const [kind] = fittingKinds(name);
    if (kind) likely.set(name, kind);
  }
  const confirmed = await confirmKinds(rows, likely);
  const open = names.filter((name) => !confirmed.has(name) && !isMixed(sample.get(name)));
  const possible = typedKinds.filter((kind) => open.some((name) => fittingKinds(name).includes(kind)));
  const whole = await countKinds({ ...rows, possible }, rows.from, open);
  return names.map((name) => {
    const counts = whole.get(name);
    if (!counts) return { name, type: typeOfKind[confirmed.get(name) ?? "text"], hasMisfits: false };
    const { all, allOf } = sample.get(name) ?? noValues;
    const kind = commonKind({ ...counts, sample: all, sampleOf: allOf });
    return { name, type: typeOfKind[kind], hasMisfits: kind !== "text" && counts.allOf[kind] < counts.all };
  });
}

/** Whether columns of text are mixtures: no kind has nearly all of the sample. `from`: the rows in their order. */
export async function areMixed(rows: TextRows, names: readonly string[]): Promise<boolean> {
  const first = await countKinds(rows, `(FROM ${rows.from} LIMIT ${guessRows})`, names);
  const others = names.filter((name) => !hasDecisiveMisfits(first.get(name) ?? noValues));
  const sample = await countKinds(rows, `(FROM ${rows.from} LIMIT ${sampleRows})`, others);
  return others.every((name) => isMixed(sample.get(name)));
}

const noKinds = { boolean: 0, integer: 0, decimal: 0, date: 0, timestamp: 0 };
const noValues: ValueCounts = { all: 0, sample: 0, codes: 0, allOf: noKinds, sampleOf: noKinds };

function isMixed(sample: ValueCounts | undefined): boolean {
  return sample !== undefined && commonKind(sample) === "text";
}

/** Those of the columns whose values in the whole file are all of the given kind. */
async function confirmKinds(
  { statements, from, missing }: TextRows,
  kinds: ReadonlyMap<string, TypedKind>,
): Promise<ReadonlyMap<string, TypedKind>> {
  const conversions = [...kinds].map(([name, kind]) => ({
    column: { name, type: "VARCHAR" },
    type: typeOfKind[kind],
    accepts: "inferred" as const,
  }));
  const wrong = await conversionsWithMisfits(statements, from, conversions, missing);
  const wrongNames = new Set(wrong.map(({ column }) => column.name));
  return new Map([...kinds].filter(([name]) => !wrongNames.has(name)));
}

const CountsSchema = z.array(
  z.object({
    column: z.string(),
    present: rowCount,
    codes: rowCount,
    boolean: rowCount,
    integer: rowCount,
    decimal: rowCount,
    date: rowCount,
    timestamp: rowCount,
  }),
);

/**
 * Counts the values of each column by their kind. Columns without values are left out. The values of all columns are
 * put into one, so that the statement stays short for any number of them.
 */
async function countKinds(
  { statements, missing, possible }: TextRows,
  from: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, ValueCounts>> {
  if (names.length === 0) return new Map();
  const columns = names.map((name, index) => `${quoteIdentifier(name)} AS column_${index}`);
  const isCode = `${matchesSql("value", digitsPattern)} AND NOT ${isOfKindSql("value", "integer")}`;
  // Most texts are ruled out by their first character.
  const isTyped = (condition: string) => `CASE WHEN may_be_typed THEN ${condition} ELSE false END`;
  const counts = typedKinds.map((kind) => {
    const condition = possible.includes(kind) ? isTyped(isOfKindSql("value", kind)) : "false";
    return `count(*) FILTER (${condition}) AS ${kind}`;
  });
  const found = await statements.rows(
    `SELECT name AS column, count(*) AS present, count(*) FILTER (${isTyped(isCode)}) AS codes, ${counts.join(", ")}
     FROM (SELECT name, value, regexp_matches(value, '^[-+.0-9TtFf]') AS may_be_typed
           FROM (SELECT name, ${presentSql("text", missing)} AS value
                 FROM (SELECT name, ${trimmedSql("value", missing)} AS text
                       FROM (UNPIVOT (SELECT ${columns.join(", ")} FROM ${from})
                             ON ${names.map((_, index) => `column_${index}`).join(", ")}
                             INTO NAME name VALUE value)))
           WHERE value IS NOT NULL)
     GROUP BY name`,
  );
  return new Map(
    CountsSchema.parse(found).map(({ column, present, codes, ...allOf }) => [
      names[Number(column.slice("column_".length))] ?? "",
      { all: present, sample: present, codes, allOf, sampleOf: allOf },
    ]),
  );
}
