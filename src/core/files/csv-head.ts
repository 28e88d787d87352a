import { limits } from "../limits.ts";
import { CsvParser, type CsvRecord } from "./csv-parser.ts";
import { FileProblem } from "./file-problem.ts";

/** What a user may say of a CSV file. */
export interface CsvOptions {
  /** Default: found out. */
  readonly delimiter?: string | undefined;
  /** Texts that are NULL in every column, beside empty cells. */
  readonly nullValues?: readonly string[] | undefined;
}

/** How a CSV file is written. */
export interface CsvHead {
  readonly delimiter: string;
  readonly names: readonly string[];
  /** The header has cells without a name, whose columns are called by their place. */
  readonly hasUnnamed: boolean;
  /** Characters before the first row. */
  readonly length: number;
  /** What the header ends with. */
  readonly lineEnd: string;
  /** The header runs over several lines, or does not stand on the first. */
  readonly isSpread: boolean;
}

const delimiters = [",", ";", "\t", "|"];
/** What else divides cells in some files. It is not guessed at: it may be part of a name. */
const rareDelimiters = [":", "^", "~", "\u0001"];
/** Rows below the header that are looked at. */
const lookedAt = 20;

/**
 * From the beginning of a file; `isWhole`: it is all of it. Undefined when there is nothing. Throws a `FileProblem`.
 */
export function readCsvHead(text: string, isWhole: boolean, options: CsvOptions): CsvHead | undefined {
  if (text.trim() === "") return undefined;
  if (/^sep=.\r?\n/.test(text))
    throw new FileProblem(
      1,
      "it sets the delimiter for Excel (sep=); remove the line, so that the header is the first",
    );
  const { delimiter = delimiterOf(text, isWhole) } = options;
  const records = recordsOf(text, isWhole, delimiter);
  const at = records.findIndex(({ isBlank }) => !isBlank);
  const header = records[at];
  // Throws what is wrong with the header itself.
  if (!header && isWhole) new CsvParser(delimiter).push(`${text}\n`);
  if (!header)
    throw new FileProblem(
      1,
      `the header does not end within ${limits.fileHeadBytes / 1024 ** 2} MiB; is there a quote that does not end?`,
    );
  const names = namesOf(header);
  const isSpread = header.line > 1 || header.cells.some((cell) => /[\r\n]/.test(cell));
  const length = records.slice(0, at + 1).reduce((sum, record) => sum + record.length, 0);
  const lineEnd = /(?:\r?\n|\r)$/.exec(text.slice(0, length))?.[0] ?? "\n";
  const hasUnnamed = header.cells.some((cell) => cell.trim() === "");
  return { delimiter, names, hasUnnamed, length, lineEnd, isSpread };
}

/**
 * The one that divides the header and the rows below it into the same number of cells; of several, the most frequent.
 */
function delimiterOf(text: string, isWhole: boolean): string {
  const found = delimiters.map((delimiter) => ({ delimiter, ...divided(text, isWhole, delimiter) }));
  const agreeing = found.filter(({ agrees }) => agrees);
  const dividing = (agreeing.length > 0 ? agreeing : found).filter(({ columns }) => columns > 1);
  const best = dividing.reduce<(typeof found)[number] | undefined>(
    (most, other) => (most === undefined || other.columns > most.columns ? other : most),
    undefined,
  );
  if (best) return best.delimiter;
  const rare = rareDelimiters.find((delimiter) => {
    const { columns, agrees, rows } = divided(text, isWhole, delimiter);
    return columns > 1 && agrees && rows > 0;
  });
  if (rare !== undefined)
    throw new FileProblem(
      1,
      `its cells seem to be divided by ${JSON.stringify(rare)}; say so with the delimiter of loadFile, or give it "," if it is one column`,
    );
  return ",";
}

function divided(text: string, isWhole: boolean, delimiter: string) {
  const [header, ...rows] = recordsOf(text, isWhole, delimiter).filter(({ isBlank }) => !isBlank);
  const columns = header?.cells.length ?? 0;
  const agrees = columns > 1 && rows.every(({ cells }) => cells.length === columns);
  return { columns, agrees, rows: rows.length };
}

/** The first records. */
function recordsOf(text: string, isWhole: boolean, delimiter: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  try {
    const parser = new CsvParser(delimiter);
    for (const line of text.split(/(?<=\n)/)) {
      records.push(...parser.push(line));
      if (records.length > lookedAt) return records;
    }
    if (isWhole) records.push(...parser.end());
  } catch (thrown) {
    // Reading the rows reports what is wrong. With another delimiter it may be right.
    if (!(thrown instanceof FileProblem)) throw thrown;
  }
  return records;
}

/** Columns without a name, such as those of row numbers, are called by their place. */
function namesOf({ line, cells }: CsvRecord): readonly string[] {
  const names = cells.map((cell, index) => cell.trim() || `column_${index + 1}`);
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new FileProblem(
        line,
        `column "${name}" appears twice${other === name ? "" : ` (also as "${other}": case makes no difference)`}; rename one of them`,
      );
    seen.set(name.toLowerCase(), name);
  }
  return names;
}
