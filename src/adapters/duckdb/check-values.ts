import { basename } from "node:path";
import * as z from "zod";
import { invalidValueReason } from "../../core/files/file-problem.ts";
import { kindOfType, lossyConversionSql, type NullTexts } from "./column-types.ts";
import { type Conversion, conversionsWithMisfits } from "./conversion.ts";
import type { ReadableFile } from "./read-csv.ts";
import { describeRowLocation } from "./read-file.ts";
import { permanentError, quoteIdentifier, type Statements } from "./statements.ts";

const MisfitSchema = z.object({ row: z.bigint().transform(Number), column: z.int(), value: z.string() });

/** Columns checked by one statement: DuckDB's planning time grows with the square of their number. */
const columnsAtOnce = 10;

/** The rows of a file whose values are checked. */
export interface CheckedRows {
  readonly statements: Statements;
  readonly file: ReadableFile;
  /** The numbered rows, as SQL. */
  readonly rows: string;
  readonly missing: NullTexts;
  /** What defines the types, for errors. Undefined: the file itself. */
  readonly owner: string | undefined;
}

/** Throws `FILE_UNREADABLE` for the first value that does not fit the type of its column. */
export async function assertConvertible(
  { statements, file, rows, missing, owner }: CheckedRows,
  pairs: readonly Conversion[],
): Promise<void> {
  const changed = await conversionsWithMisfits(statements, rows, pairs, missing);
  let first: z.infer<typeof MisfitSchema> | undefined;
  for (let at = 0; at < changed.length; at += columnsAtOnce) {
    const found = await firstMisfit(statements, rows, changed.slice(at, at + columnsAtOnce), missing);
    if (found && (!first || found.row < first.row)) first = { ...found, column: found.column + at };
  }
  if (!first) return;
  const pair = changed[first.column];
  const location = `${await describeRowLocation(file, first.row)}, column "${pair?.column.name}"`;
  const reason = invalidValueReason(first.value, nameOfType(pair?.type ?? ""), owner);
  throw permanentError("FILE_UNREADABLE", `${basename(file.path)}, ${location}: ${reason}`);
}

/** The word of the rules for files, if they have one for the type. */
function nameOfType(type: string): string {
  const kind = kindOfType(type);
  return kind === "number" || kind === "other" ? type : kind;
}

async function firstMisfit(
  statements: Statements,
  rows: string,
  pairs: readonly Conversion[],
  missing: NullTexts,
) {
  const misfits = pairs.map(({ column, type }) => lossyConversionSql(column, type, missing));
  const choose = (values: readonly string[]) =>
    `CASE ${misfits.map((condition, index) => `WHEN ${condition} THEN ${values[index]}`).join(" ")} END`;
  const [row] = await statements.rows(
    `SELECT _baton_row AS row, ${choose(pairs.map((_, index) => String(index)))} AS column,
            ${choose(pairs.map(({ column }) => `CAST(${quoteIdentifier(column.name)} AS VARCHAR)`))} AS value
     FROM ${rows} WHERE ${misfits.join(" OR ")} ORDER BY _baton_row LIMIT 1`,
  );
  return row && MisfitSchema.parse(row);
}
