import { CellFormats } from "./cell-formats.ts";
import {
  type ColumnKind,
  commonKind,
  decisiveMisfits,
  missingTexts,
  typedKinds,
  type ValueCounts,
} from "./column-kinds.ts";
import { ColumnValues } from "./column-values.ts";
import { type CsvHead, firstRecords } from "./csv-head.ts";
import type { FileOptions } from "./file-options.ts";

/**
 * The kind of a column, as the first rows of its file suggest it. `commonKind` gives the same kind for the whole file
 * if the condition is true of the whole file: that its values all fit the kind, that all of them are missing, or that
 * no other kind has nearly all values of the sample.
 */
export interface ColumnGuess {
  readonly kind: ColumnKind;
  readonly condition: "none" | "all fit" | "all missing" | "mixed sample";
}

/** Rows that a guess is made from. More of them rule out more kinds, and take longer. */
export const guessRows = 1_000;

/** Guesses the kinds of a CSV file's columns. `text`: its beginning, or all of it if it `isWhole`. */
export function guessColumns(
  text: string,
  isWhole: boolean,
  head: CsvHead,
  options: FileOptions,
): readonly ColumnGuess[] {
  const rules = { missing: missingTexts(options.nullValues ?? []), formats: new CellFormats(options) };
  const columns = head.names.map(() => new ColumnValues(rules, undefined));
  const rows = text.slice(head.length);
  const records = firstRecords(rows, isWhole, head, { count: guessRows });
  for (const { cells, line } of records)
    for (const [index, column] of columns.entries()) column.add(cells[index] ?? "", 0, line);
  const hasAllRows = isWhole && records.reduce((sum, { length }) => sum + length, 0) === rows.length;
  return columns.map(({ counts }) => guessKind(counts, hasAllRows));
}

/** The kinds that do not fit one of the first rows do not fit the file, so the first that fits them all is left. */
function guessKind(counts: ValueCounts, hasAllRows: boolean): ColumnGuess {
  const { all, allOf } = counts;
  if (hasAllRows) {
    const kind = commonKind(counts);
    return { kind, condition: kind === "text" ? "none" : "all fit" };
  }
  if (all === 0) return { kind: "text", condition: "all missing" };
  const fitting = typedKinds.find((kind) => allOf[kind] === all);
  if (fitting) return { kind: fitting, condition: "all fit" };
  return { kind: "text", condition: hasDecisiveMisfits(counts) ? "none" : "mixed sample" };
}

/** Whether the misfits in a part of the sample are enough to rule out every kind for the whole sample. */
export function hasDecisiveMisfits({ all, allOf }: ValueCounts): boolean {
  return typedKinds.every((kind) => all - allOf[kind] >= decisiveMisfits);
}
