import type { JobResult, LoadJob } from "../../ports/warehouse.ts";
import { refusal, translated } from "./errors.ts";
import { isLoad } from "./jobs.ts";
import { emptyFile, nameOfFile } from "./load-file-names.ts";
import { LoadParts, stageOf } from "./load-parts.ts";
import { jobIdOf, type RunState } from "./runs.ts";
import type { Session } from "./session.ts";

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
