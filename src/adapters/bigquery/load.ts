import type { JobResult, LoadJob } from "../../ports/warehouse.ts";
import { commonFailure, type Problem, refusal, translated, unavailable } from "./errors.ts";
import { isLoad, type Job } from "./jobs.ts";
import { LoadParts, stageOf } from "./load-parts.ts";
import { emptyFile, nameOfFile } from "./look-at-file.ts";
import { jobIdOf, type RunState } from "./runs.ts";
import type { Session } from "./session.ts";
import { emptyKey, sameKey } from "./statements.ts";

/** Loads a file of Cloud Storage into a table. */
export async function runLoad(session: Session, job: LoadJob): Promise<RunState> {
  if (!/^gs:\/\/[^/]+\/./.test(job.uri))
    throw refusal(
      "TASK_PARAMETERS_INVALID",
      `BigQuery reads files of Cloud Storage (gs://…), not ${job.uri}`,
    );
  try {
    return await session.runs.advance({
      id: job.jobId,
      attempt: job.attempt ?? "",
      parts: await new LoadParts(session, job).all(),
      signal: job.signal,
    });
  } catch (thrown) {
    throw translated("TABLE_MISMATCH", `${nameOfFile(job.uri)} can't be loaded`, thrown);
  }
}

/** What came of a load that went well. Throws `FILE_EMPTY`. */
export async function loadResult(
  session: Session,
  { into, uri, signal }: LoadJob,
  { run, job }: Extract<RunState, { kind: "succeeded" }>,
): Promise<JobResult> {
  const table = session.tableOf(into.table);
  const isStaged = !isLoad(job);
  if (isStaged) await session.tables.drop(stageOf(table, run), signal);
  const read = isStaged ? await session.jobs.find(jobIdOf(run, "stage"), signal) : job;
  const rows = read?.statistics.load?.outputRows ?? 0;
  if (rows === 0) throw emptyFile(uri);
  const info = await session.tables.find(table.reference, signal);
  const { totalBytesBilled } = job.statistics.query ?? {};
  return {
    table: table.name,
    rows,
    tableRows: info?.numRows ?? 0,
    ...(totalBytesBilled !== undefined && { bytesBilled: totalBytesBilled }),
  };
}

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
