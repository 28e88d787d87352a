import { messageOf } from "../../core/errors.ts";
import type { CsvHead } from "../../core/files/csv-head.ts";
import { scanCsv } from "../../core/files/csv-scan.ts";
import { FileProblem } from "../../core/files/file-problem.ts";
import { checkJsonLines } from "../../core/files/json-lines.ts";
import { limits } from "../../core/limits.ts";
import type { FileFormat } from "../../ports/warehouse.ts";
import { readText } from "./file-text.ts";

interface FailedFile {
  readonly path: string;
  readonly format: FileFormat;
  /** Of a CSV file. */
  readonly head: CsvHead | undefined;
}

/**
 * Why DuckDB could not read a file. What it says names other lines than the file's, guesses at remedies and quotes
 * our own SQL, so the file is looked through again, by the rules that its rows have to keep.
 */
export async function unreadable({ path, format, head }: FailedFile, thrown: unknown): Promise<FileProblem> {
  if (thrown instanceof FileProblem) return thrown;
  try {
    if (format === "jsonl") await checkJsonLines(readText(path));
    // Every column may hold any text: only its form is in question.
    if (format === "csv") await scanCsv(readText(path), head ?? {}, ({ names }) => names.map(() => "text"));
  } catch (problem) {
    if (problem instanceof FileProblem) return problem;
    throw problem;
  }
  return new FileProblem(undefined, known(messageOf(thrown)) ?? `it can't be read: ${firstSentence(thrown)}`);
}

/** What DuckDB refuses though the rules allow it. */
function known(complaint: string): string | undefined {
  const twin = /duplicate name "(.*)" in struct/i.exec(complaint)?.[1];
  if (twin !== undefined)
    return `an object has the key "${twin}" and another that differs only in case; rename one of them`;
  const twice = /has duplicate key "(.*)"/s.exec(complaint)?.[1];
  if (twice !== undefined) return `an object has the key "${twice}" twice; a key can have one value only`;
  if (/state machine reached an invalid state|CSV Error/.test(complaint))
    return "some of its lines end in LF and others in CRLF, or it is not a CSV file; save it with one kind of line end";
  if (/maximum_object_size|Maximum line size/i.test(complaint))
    return `a row is longer than the maximum size of ${limits.fileRowBytes / 1024 ** 2} MiB`;
  if (/No magic bytes|too small to be a Parquet|Parquet.*(footer|metadata)|thrift/i.test(complaint))
    return "it is not a Parquet file, or it is damaged or cut off; write it again";
  return undefined;
}

/** Without what follows in further lines: the row, the options, and our SQL. */
function firstSentence(thrown: unknown): string {
  const [first = ""] = messageOf(thrown)
    .replace(/^[A-Za-z ]+ Error: /, "")
    .split("\n");
  return first.slice(0, limits.shownAnswerCharacters);
}
