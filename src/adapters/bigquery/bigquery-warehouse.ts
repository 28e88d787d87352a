import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { JsonObject } from "../../core/values/json.ts";
import type {
  JobResult,
  JobState,
  LoadJob,
  NewTable,
  QueryJob,
  Row,
  Sql,
  Warehouse,
  WarehouseTable,
  WarehouseTables,
  WriteStatement,
} from "../../ports/warehouse.ts";
import { AnyObjectSchema } from "../remote/service-response.ts";
import type { BigQueryOptions } from "./api.ts";
import { commonFailure, finalFailure, isTransient, toTaskFailure, unavailable } from "./api.ts";
import type { Job, JobConfiguration } from "./jobs.ts";
import { loadFailure, loadResult, runLoad } from "./load.ts";
import {
  assertParametersMatch,
  bigQuerySql,
  toQueryParameters,
  withoutTrailingSemicolon,
} from "./parameters.ts";
import type { RunPhase, RunState } from "./runs.ts";
import { describeSelect, selectRows, toQueryFailure } from "./select.ts";
import { Session } from "./session.ts";
import {
  assertKeyColumns,
  assertSameColumns,
  columnNames,
  insertStatement,
  mergeStatement,
  quoteTable,
  type Table,
} from "./statements.ts";

/**
 * Loads and queries tables of BigQuery. Its jobs continue without Baton: the next attempt finds them by their ids, and
 * the signal of a call ends only the waiting. Google's client is loaded at the first use.
 */
export class BigQueryWarehouse implements Warehouse, WarehouseTables {
  readonly #session: Session;

  constructor(options: BigQueryOptions) {
    this.#session = new Session(options);
  }

  async load(job: LoadJob): Promise<JobState> {
    const state = await runLoad(this.#session, job);
    if (state.kind === "failed") throw loadFailure(state.job, job);
    return toJobState(state, (succeeded) => loadResult(this.#session, job, succeeded));
  }

  async query(job: QueryJob): Promise<JobState> {
    const state = await runQuery(this.#session, job);
    if (state.kind === "failed") throw writeFailure(state.job, job.into.table);
    return toJobState(state, (succeeded) => queryResult(this.#session, job, succeeded));
  }

  async rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]> {
    const text = bigQuerySql(sql);
    assertParametersMatch(text, parameters);
    return selectRows(this.#session, { sql: text, parameters, signal }, limit);
  }

  async cancel(jobId: string): Promise<void> {
    await this.#session.runs.cancel(jobId, new AbortController().signal);
  }

  findTable(name: string): Promise<WarehouseTable | undefined> {
    return findTable(this.#session, name);
  }

  createTable(name: string, table: NewTable): Promise<WarehouseTable> {
    return createTable(this.#session, name, table);
  }

  write(statement: WriteStatement): Promise<void> {
    return write(this.#session, statement);
  }
}

async function toJobState(
  state: Exclude<RunState, { kind: "failed" }>,
  result: (succeeded: Extract<RunState, { kind: "succeeded" }>) => Promise<JobResult>,
): Promise<JobState> {
  if (state.kind === "succeeded") return { kind: "done", result: await result(state) };
  return { kind: "running", ...progressPercent(state.job) };
}

function progressPercent({ statistics: { completionRatio } }: Job): { percent?: number } {
  return completionRatio === undefined ? {} : { percent: Math.round(completionRatio * 100) };
}

const types = { text: "STRING", json: "JSON", timestamp: "TIMESTAMP" } as const;
/** BigQuery clusters by at most four columns. */
const clusterColumns = 4;

async function findTable(session: Session, name: string): Promise<WarehouseTable | undefined> {
  const table = session.resolveTable(name);
  const info = await session.tables.find(table.reference, new AbortController().signal);
  return info && toWarehouseTable(table, columnNames(info.schema));
}

/** Creates the table unless it exists. */
async function createTable(session: Session, name: string, created: NewTable): Promise<WarehouseTable> {
  const table = session.resolveTable(name);
  const { columns, partitionBy, clusterBy } = created;
  const properties = {
    schema: { fields: columns.map((column) => ({ name: column.name, type: types[column.type] })) },
    timePartitioning: { type: "DAY", field: partitionBy },
    clustering: { fields: clusterBy.slice(0, clusterColumns) },
  };
  await session.tables.ensure(table.reference, properties, new AbortController().signal);
  return toWarehouseTable(
    table,
    columns.map((column) => column.name),
  );
}

function toWarehouseTable(table: Table, columns: readonly string[]): WarehouseTable {
  return { name: table.name, sql: quoteTable(table.reference), dialect: "bigquery", columns };
}

async function write(session: Session, statement: WriteStatement): Promise<void> {
  const state = await advance(session, statement);
  if (state.kind === "running") throw unavailable(`a row of ${statement.table} is still being written`);
  const problem = state.kind === "failed" ? state.job.status.errorResult : undefined;
  if (problem)
    throw (
      commonFailure(problem) ??
      finalFailure("TABLE_MISMATCH", `The row does not fit table ${statement.table}: ${problem.message}`)
    );
}

async function advance(session: Session, { id, table, sql, parameters }: WriteStatement): Promise<RunState> {
  const query = session.queryConfiguration(sql, toQueryParameters(parameters));
  try {
    return await session.runs.advance({
      id,
      attempt: randomUUID(),
      phases: [{ name: "write", configure: async () => ({ configuration: { query } }) }],
      signal: new AbortController().signal,
    });
  } catch (thrown) {
    throw toTaskFailure("TABLE_MISMATCH", `The row does not fit table ${table}`, thrown);
  }
}

const TotalSchema = z.object({ jobReference: AnyObjectSchema, totalRows: z.coerce.number().default(0) });

/** Runs a SELECT and writes its rows to a table. */
async function runQuery(session: Session, job: QueryJob): Promise<RunState> {
  const table = session.resolveTable(job.into.table);
  const write: RunPhase = {
    name: "write",
    configure: async () => ({ configuration: await configureQuery(session, table, job) }),
  };
  try {
    return await session.runs.advance({
      id: job.jobId,
      attempt: job.attempt ?? "",
      phases: [write],
      signal: job.signal,
    });
  } catch (thrown) {
    throw toTaskFailure("SQL_FAILED", "The SQL failed", thrown);
  }
}

/** Mode `replace` uses the query's destination table. The other modes are DML statements on an existing table. */
async function configureQuery(session: Session, table: Table, job: QueryJob): Promise<JobConfiguration> {
  const text = bigQuerySql(job.sql);
  assertParametersMatch(text, job.parameters);
  const { into, signal, maximumBytesBilled } = job;
  const described = await describeSelect(session, { sql: text, parameters: job.parameters, signal });
  const { sql, parameters, schema } = described;
  const columns = columnNames(schema);
  assertKeyColumns(into, columns);
  if (into.mode === "replace") {
    await session.tables.ensureDataset(table.reference.datasetId, signal);
    return {
      query: {
        ...session.queryConfiguration(sql, parameters, maximumBytesBilled),
        destinationTable: table.reference,
        writeDisposition: "WRITE_TRUNCATE",
        createDisposition: "CREATE_IF_NEEDED",
      },
    };
  }
  const existing = await session.tables.find(table.reference, signal);
  if (existing) assertSameColumns(table, columnNames(existing.schema), columns);
  else await session.tables.ensure(table.reference, { schema }, signal);
  const target = quoteTable(table.reference);
  const source = withoutTrailingSemicolon(sql);
  const statement =
    into.mode === "merge"
      ? mergeStatement(target, into.key, columns, source)
      : insertStatement(target, columns, source);
  return { query: session.queryConfiguration(statement, parameters, maximumBytesBilled) };
}

async function queryResult(
  session: Session,
  job: Pick<QueryJob, "into" | "signal">,
  state: SucceededRun,
): Promise<JobResult> {
  const table = session.resolveTable(job.into.table);
  const { query } = state.job.statistics;
  const info = await session.tables.find(table.reference, job.signal);
  const rows = query?.numDmlAffectedRows ?? (await totalRows(session, state.id, job.signal));
  return {
    table: table.name,
    rows,
    tableRows: info?.numRows ?? 0,
    ...(query?.totalBytesBilled !== undefined && { bytesBilled: query.totalBytesBilled }),
  };
}

type SucceededRun = Extract<RunState, { kind: "succeeded" }>;

/** The number of rows of a query that replaced its table, when it ended. */
async function totalRows(session: Session, id: string, signal: AbortSignal): Promise<number> {
  const query = { location: await session.tables.location(signal), maxResults: 0 };
  const page = await session.api.call("GET", `/queries/${id}`, TotalSchema, signal, { query });
  return page?.totalRows ?? 0;
}

/** The error of a failed query job. */
function writeFailure(job: Job, table: string): Error {
  const problem = job.status.errorResult;
  if (
    problem &&
    !isTransient(problem) &&
    /cannot be (inserted|assigned)|which cannot be|cannot assign/i.test(problem.message)
  )
    return finalFailure("TABLE_MISMATCH", `The rows do not fit table ${table}: ${problem.message}`);
  return toQueryFailure(job);
}
