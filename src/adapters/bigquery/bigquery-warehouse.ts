import { randomUUID } from "node:crypto";
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
import type { BigQueryOptions } from "./api.ts";
import { commonFailure, finalFailure, toTaskFailure, unavailable } from "./errors.ts";
import type { Job } from "./jobs.ts";
import { loadFailure, loadResult, runLoad } from "./load.ts";
import { assertParametersMatch, bigQuerySql, toQueryParameters } from "./parameters.ts";
import { queryResult, runQuery, writeFailure } from "./query.ts";
import type { RunState } from "./runs.ts";
import { selectRows } from "./select.ts";
import { Session } from "./session.ts";
import { columnNames, quoteTable, type Table } from "./statements.ts";

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
      phases: [{ name: "write", configure: async () => ({ query }) }],
      signal: new AbortController().signal,
    });
  } catch (thrown) {
    throw toTaskFailure("TABLE_MISMATCH", `The row does not fit table ${table}`, thrown);
  }
}
