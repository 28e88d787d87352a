import type { ColumnKind } from "./column-kinds.ts";

/** The encodings of text files. UTF-8 and UTF-16 are found by a byte order mark, the others have to be given. */
export const encodings = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-1"] as const;
export type Encoding = (typeof encodings)[number];

/** A column of a CSV file. */
export interface ColumnOption {
  readonly name: string;
  /** Default: the common type of its values. */
  readonly type?: ColumnKind | undefined;
}

/** How to read a file. All but `encoding` are for CSV files. */
export interface FileOptions {
  /** Default: detected. */
  readonly delimiter?: string | undefined;
  /** The character around cells that hold a delimiter; empty if there is none. Default: `"`. */
  readonly quote?: string | undefined;
  /** Whether the first row holds the names of the columns. Default: true. */
  readonly header?: boolean | undefined;
  /** Default: UTF-8, or what a byte order mark says. */
  readonly encoding?: Encoding | undefined;
  /** The decimal point of numbers. With a comma, groups of three digits may be divided. Default: `.` */
  readonly decimal?: "." | "," | undefined;
  /** How dates and times are written, such as `DD.MM.YYYY`. Default: ISO 8601. */
  readonly dateFormats?: readonly string[] | undefined;
  /** Texts that are NULL in every column, in addition to empty cells. */
  readonly nullValues?: readonly string[] | undefined;
  /** Without a header, the columns in their order. With one, the types of some columns. */
  readonly columns?: readonly ColumnOption[] | undefined;
  /** Whether rows may lack cells at their end, and the file columns of its table. They are NULL. Default: false. */
  readonly allowMissing?: boolean | undefined;
  /** Lines above the header. Default: 0. */
  readonly skipRows?: number | undefined;
}

/**
 * Whether every engine can read the cells of such a CSV file as they are. Otherwise Baton writes a copy in the standard
 * form: commas, UTF-8, and values as in ISO 8601 and JSON.
 */
export function areCellsStandard(options: FileOptions): boolean {
  const { quote = '"', header = true, decimal = ".", dateFormats = [], columns = [] } = options;
  const { allowMissing = false, skipRows = 0 } = options;
  return (
    quote === '"' &&
    header &&
    decimal === "." &&
    dateFormats.length + columns.length + skipRows === 0 &&
    !allowMissing
  );
}
