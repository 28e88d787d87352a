import * as z from "zod";
import {
  commonKind,
  digitsPattern,
  sampleRows,
  type TypedKind,
  typedKinds,
  type ValueCounts,
} from "../../core/files/column-values.ts";
import {
  isOfKindSql,
  matchesSql,
  type NullTexts,
  presentSql,
  trimmedSql,
  typeOfKind,
} from "./column-types.ts";
import { misfitCountSelect } from "./conversion.ts";
import { type Column, quoteIdentifier, type Statements } from "./statements.ts";

/** Columns counted by one statement, so that its planning takes little time and memory. */
const columnsAtOnce = 100;

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
  const sample = await countKinds(rows, sampleOf(rows.from), names);
  const fitting = new Map<string, TypedKind>();
  for (const [name, { all, allOf }] of sample) {
    const kind = rows.possible.find((one) => all > 0 && allOf[one] === all);
    if (kind) fitting.set(name, kind);
  }
  const confirmed = new Set(await namesWithoutMisfits(rows, fitting));
  const isOpen = (name: string) => !confirmed.has(name) && !isMixed(sample.get(name));
  const whole = await countKinds(rows, rows.from, names.filter(isOpen));
  return names.map((name) => {
    const counts = whole.get(name);
    if (!counts)
      return {
        name,
        type: typeOfKind[confirmed.has(name) ? (fitting.get(name) ?? "text") : "text"],
        hasMisfits: false,
      };
    const kind = commonKind({
      ...counts,
      sample: sample.get(name)?.all ?? 0,
      sampleOf: sample.get(name)?.allOf ?? noKinds,
    });
    return { name, type: typeOfKind[kind], hasMisfits: kind !== "text" && counts.allOf[kind] < counts.all };
  });
}

/** Whether each column is text because its sample is a mixture: no kind has nearly all of its values. */
export async function areMixed(rows: TextRows, names: readonly string[]): Promise<boolean> {
  const sample = await countKinds(rows, `(FROM ${rows.from} LIMIT ${sampleRows})`, names);
  return names.every((name) => isMixed(sample.get(name)));
}

const noKinds = { boolean: 0, integer: 0, decimal: 0, date: 0, timestamp: 0 };

function sampleOf(from: string): string {
  return `(FROM ${from} WHERE _baton_row < ${sampleRows})`;
}

function isMixed(sample: ValueCounts | undefined): boolean {
  // Without codes, because the rest of the file may hold some.
  return sample !== undefined && commonKind({ ...sample, codes: 0 }) === "text";
}

/** The columns all of whose values are of the given kind. */
async function namesWithoutMisfits(
  { statements, from, missing }: TextRows,
  kinds: ReadonlyMap<string, TypedKind>,
): Promise<readonly string[]> {
  const found: string[] = [];
  const all = [...kinds];
  for (let at = 0; at < all.length; at += columnsAtOnce) {
    const some = all.slice(at, at + columnsAtOnce);
    const conversions = some.map(([name, kind]) => ({
      column: { name, type: "VARCHAR" },
      type: typeOfKind[kind],
      accepts: "inferred" as const,
    }));
    const [row] = await statements.rows(misfitCountSelect(`FROM ${from}`, conversions, missing));
    found.push(...some.flatMap(([name], index) => (row?.[`misfits_${index}`] === 0n ? [name] : [])));
  }
  return found;
}

const count = z.bigint().transform(Number);
const CountsSchema = z.array(
  z.object({
    column: z.string(),
    present: count,
    codes: count,
    boolean: count,
    integer: count,
    decimal: count,
    date: count,
    timestamp: count,
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
  const found = await statements.rows(
    `SELECT name AS column, count(*) AS present, count(*) FILTER (${isCode}) AS codes,
       ${typedKinds.map((kind) => `count(*) FILTER (${possible.includes(kind) ? isOfKindSql("value", kind) : "false"}) AS ${kind}`).join(", ")}
     FROM (SELECT name, ${presentSql("text", missing)} AS value
           FROM (SELECT name, ${trimmedSql("value", missing)} AS text
                 FROM (UNPIVOT (SELECT ${columns.join(", ")} FROM ${from})
                       ON ${names.map((_, index) => `column_${index}`).join(", ")} INTO NAME name VALUE value)))
     WHERE value IS NOT NULL GROUP BY name`,
  );
  return new Map(
    CountsSchema.parse(found).map(({ column, present, codes, ...allOf }) => [
      names[Number(column.slice("column_".length))] ?? "",
      { all: present, sample: present, codes, allOf, sampleOf: allOf },
    ]),
  );
}
