import type { LoadJob } from "../../ports/warehouse.ts";
import { commonFailure, type Problem, refusal, unavailable } from "./errors.ts";
import { isLoad, type Job } from "./jobs.ts";
import { emptyFile, nameOfFile } from "./load-file-names.ts";
import { emptyKey, sameKey } from "./statements.ts";

const otherColumns =
  /does not match Table|No such field|Cannot add fields|has changed type|Duplicate column|is not present in the (?:table|schema)|missing in/i;
const noColumns = /schema has no field/i;
const exactPlace = /line_number: \d+|starting at (?:location|position) \d+/;
const place = /line_number: (\d+)|location (\d+)|Rows?: (\d+)/;

/** Why a load did not write its rows. */
export function loadFailure(job: Job, { uri, into }: LoadJob): Error {
  const result = job.status.errorResult ?? { reason: "", message: "it has no result" };
  const common = commonFailure(result);
  if (common) return common;
  const all = [result, ...job.status.errors];
  return isLoad(job) ? readFailure(all, uri, into.table) : writeFailure(result, uri, into.table);
}

/** By the most exact of the things that BigQuery says. */
function readFailure(problems: readonly Problem[], uri: string, table: string): Error {
  const file = nameOfFile(uri);
  const find = (pattern: RegExp) => problems.find(({ message }) => pattern.test(message));
  const missing = problems.find(({ reason }) => reason === "notFound");
  if (missing?.message.includes("gs://")) return refusal("FILE_MISSING", `There is no file ${uri}`);
  if (find(noColumns)) return emptyFile(uri);
  const mismatch = missing ?? find(otherColumns);
  if (mismatch)
    return refusal("TABLE_MISMATCH", `${file} does not fit table ${table}: ${plain(mismatch.message)}`);
  const exact = find(exactPlace) ?? problems[0];
  return refusal("FILE_UNREADABLE", `${file}, ${rowOf(exact?.message ?? "")}`);
}

/** The file has been read into its stage. */
function writeFailure({ reason, message }: Problem, uri: string, table: string): Error {
  const file = nameOfFile(uri);
  if (reason === "notFound") return unavailable(`what was read of ${file} is gone: ${message}`);
  if ([emptyKey, sameKey].some((own) => message.includes(own)))
    return refusal("FILE_UNREADABLE", `${file}: ${message}`);
  return refusal("TABLE_MISMATCH", `${file} does not fit table ${table}: ${message}`);
}

function rowOf(message: string): string {
  const [, line, byte, row] = place.exec(message) ?? [];
  const text = plain(message);
  if (line !== undefined) return `line ${line}: ${text}`;
  if (byte !== undefined) return `byte ${byte}: ${text}`;
  return row === undefined ? text : `row ${row}: ${text}`;
}

function plain(message: string): string {
  return message.replace(/^Error while reading data, error message: /, "");
}
