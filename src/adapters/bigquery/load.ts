import { daySeconds } from "../../core/values/time.ts";
import type { JobResult, LoadJob } from "../../ports/warehouse.ts";
import { commonFailure, finalFailure, type Problem, toTaskFailure, unavailable } from "./api.ts";
import { emptyFile, inspectFile, stagedFileName } from "./inspect-file.ts";
import { isLoad, type Job, type JobConfiguration, type JobRequest } from "./jobs.ts";
import { fileChanged } from "./object-reader.ts";
import { deriveJobId, type RunName, type RunPhase, type RunState } from "./runs.ts";
import type { Session, TableInfo } from "./session.ts";
import {
  assertKeyColumns,
  assertSameColumns,
  columnNames,
  failingStatement,
  internalPrefix,
  invalidKey,
  mergeStatement,
  quoteTable,
  replacedFile,
  sameKey,
  stagedRows,
  type Table,
  type TableReference,
} from "./statements.ts";

/** BigQuery deletes a staging table that an interrupted run left behind. */
const stagingTableLifetimeMs = 2 * daySeconds * 1_000;

/**
 * BigQuery guarantees no order of rows. But it reads a file with one worker (cells may contain line breaks, so it can't
 * be split), and a table up to this size is written and read in one piece: there the last row of a key is known.
 */
const singleWorkerBytes = 10 * 1024 * 1024;

/** Holds the generation of the object that a staging job loads. */
const generationLabel = "baton_generation";

/** Holds the rows of a file before they are written to their table. */
function stagingTable({ reference }: Table, { work, number }: RunName): TableReference {
  return { ...reference, tableId: `${internalPrefix}${work}_${number}` };
}

/** The jobs that load a file. Each is configured right before it starts. */
class LoadPhases {
  readonly #session: Session;
  readonly #job: LoadJob;
  readonly #table: Table;

  constructor(session: Session, job: LoadJob) {
    this.#session = session;
    this.#job = job;
    this.#table = session.resolveTable(job.into.table);
  }

  /**
   * All rows go through a staging table, so that a broken or empty file neither creates a table nor empties one, and a
   * file that is replaced while BigQuery reads it adds no rows. Only the last phase uses the target, so another process
   * may create it meanwhile.
   */
  async phases(): Promise<readonly RunPhase[]> {
    const { into, signal } = this.#job;
    const existing = await this.#session.tables.find(this.#table.reference, signal);
    return [
      // A replaced table gets the columns of the file.
      { name: "stage", configure: (run) => this.#stage(run, into.mode === "replace" ? undefined : existing) },
      { name: "write", configure: (run, staged) => this.#write(run, staged, existing) },
    ];
  }

  async #stage(run: RunName, existing: TableInfo | undefined): Promise<JobRequest> {
    const { uri, signal } = this.#job;
    const stage = stagingTable(this.#table, run);
    const plan = await inspectFile(this.#session, this.#job, existing?.schema);
    const expirationTime = String(Date.now() + stagingTableLifetimeMs);
    // A copy appends to a partitioned table only what has the same partitions.
    const { timePartitioning, rangePartitioning, clustering } = existing ?? {};
    const layout = { timePartitioning, rangePartitioning, clustering };
    await this.#session.tables.ensure(stage, { expirationTime, ...layout }, signal);
    return {
      configuration: {
        load: {
          destinationTable: stage,
          writeDisposition: "WRITE_TRUNCATE",
          createDisposition: "CREATE_IF_NEEDED",
          ...layout,
          ...plan.configuration,
          ...(plan.content === undefined && { sourceUris: [uri] }),
        },
      },
      ...(plan.content === undefined
        ? { labels: { [generationLabel]: plan.generation } }
        : { content: plan.content }),
    };
  }

  async #write(run: RunName, staged: Job | undefined, existing: TableInfo | undefined): Promise<JobRequest> {
    const { uri, into, signal } = this.#job;
    const { outputRows, outputBytes = Number.POSITIVE_INFINITY } = staged?.statistics.load ?? {};
    if (outputRows === 0) throw emptyFile(uri);
    const generation = staged?.configuration.labels[generationLabel];
    if (
      generation !== undefined &&
      (await this.#session.objects.currentGeneration(uri, signal)) !== generation
    )
      return {
        configuration: { query: this.#session.queryConfiguration(failingStatement(replacedFile), []) },
      };
    if (into.mode === "merge")
      return { configuration: await this.#merge(run, existing, outputBytes <= singleWorkerBytes) };
    return {
      configuration: {
        copy: {
          sourceTable: stagingTable(this.#table, run),
          destinationTable: this.#table.reference,
          writeDisposition: into.mode === "replace" ? "WRITE_TRUNCATE" : "WRITE_APPEND",
          createDisposition: "CREATE_IF_NEEDED",
        },
      },
    };
  }

  async #merge(
    run: RunName,
    existing: TableInfo | undefined,
    isReadAtOnce: boolean,
  ): Promise<JobConfiguration> {
    const { into, signal } = this.#job;
    const { tables } = this.#session;
    const { reference } = this.#table;
    const stage = stagingTable(this.#table, run);
    const schema = (await tables.find(stage, signal))?.schema;
    // An expired staging table fails the job and the run. The next run reads the file again.
    const columns = schema ? columnNames(schema) : into.key;
    assertKeyColumns(into, columns);
    if (schema && existing) assertSameColumns(this.#table, columnNames(existing.schema), columns);
    if (schema && !existing) await tables.ensure(reference, { schema }, signal);
    const source = stagedRows(quoteTable(stage), columns, isReadAtOnce ? into.key : undefined);
    const statement = mergeStatement(quoteTable(reference), into.key, columns, source);
    return { query: this.#session.queryConfiguration(statement, []) };
  }
}

/** Loads a file of Cloud Storage into a table. */
export async function runLoad(session: Session, job: LoadJob): Promise<RunState> {
  if (!/^gs:\/\/[^/]+\/./.test(job.uri))
    throw finalFailure(
      "TASK_PARAMETERS_INVALID",
      `BigQuery reads files of Cloud Storage (gs://…), not ${job.uri}`,
    );
  try {
    return await session.runs.advance({
      id: job.jobId,
      attempt: job.attempt ?? "",
      phases: await new LoadPhases(session, job).phases(),
      signal: job.signal,
    });
  } catch (thrown) {
    throw toTaskFailure("TABLE_MISMATCH", `${stagedFileName(job.uri)} can't be loaded`, thrown);
  }
}

/** The result of a successful load. Throws `FILE_EMPTY`. */
export async function loadResult(
  session: Session,
  { into, uri, signal }: LoadJob,
  { run, job }: Extract<RunState, { kind: "succeeded" }>,
): Promise<JobResult> {
  const table = session.resolveTable(into.table);
  const isStaged = !isLoad(job);
  if (isStaged) await session.tables.drop(stagingTable(table, run), signal);
  const read = isStaged ? await session.jobs.find(deriveJobId(run, "stage"), signal) : job;
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

const columnMismatch = new RegExp(
  "does not match Table|No such field|Cannot add fields|has changed type|Duplicate column|" +
    "is not present in the (?:table|schema)|missing in",
  "i",
);
const noColumns = /schema has no field/i;
const exactPosition = /line_number: \d+|starting at (?:location|position) \d+/;
const position = /line_number: (\d+)|location (\d+)|Rows?: (\d+)/;

/** Why a load did not write its rows. */
export function loadFailure(job: Job, { uri, into }: LoadJob): Error {
  const result = job.status.errorResult ?? { reason: "", message: "it has no result" };
  const common = commonFailure(result);
  if (common) return common;
  const all = [result, ...job.status.errors];
  return isLoad(job) ? readFailure(all, uri, into.table) : writeFailure(result, uri, into.table);
}

/** Uses the most specific of BigQuery's messages. */
function readFailure(problems: readonly Problem[], uri: string, table: string): Error {
  const file = stagedFileName(uri);
  const find = (pattern: RegExp) => problems.find(({ message }) => pattern.test(message));
  const missing = problems.find(({ reason }) => reason === "notFound");
  if (missing?.message.includes("gs://")) return finalFailure("FILE_MISSING", `There is no file ${uri}`);
  if (find(noColumns)) return emptyFile(uri);
  const mismatch = missing ?? find(columnMismatch);
  if (mismatch)
    return finalFailure(
      "TABLE_MISMATCH",
      `${file} does not fit table ${table}: ${withoutPrefix(mismatch.message)}`,
    );
  const exact = find(exactPosition) ?? problems[0];
  return finalFailure("FILE_UNREADABLE", `${file}, ${problemWithPosition(exact?.message ?? "")}`);
}

/** For a failed write from the staging table to the target. */
function writeFailure({ reason, message }: Problem, uri: string, table: string): Error {
  const file = stagedFileName(uri);
  if (message.includes(replacedFile)) return fileChanged(uri);
  if (reason === "notFound") return unavailable(`the staging table of ${file} has expired: ${message}`);
  if ([invalidKey, sameKey].some((own) => message.includes(own)))
    return finalFailure("FILE_UNREADABLE", `${file}: ${message}`);
  return finalFailure("TABLE_MISMATCH", `${file} does not fit table ${table}: ${message}`);
}

function problemWithPosition(message: string): string {
  const [, line, byte, row] = position.exec(message) ?? [];
  const text = withoutPrefix(message);
  if (line !== undefined) return `line ${line}: ${text}`;
  if (byte !== undefined) return `byte ${byte}: ${text}`;
  return row === undefined ? text : `row ${row}: ${text}`;
}

function withoutPrefix(message: string): string {
  return message.replace(/^Error while reading data, error message: /, "");
}
