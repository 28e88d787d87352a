import type { JsonObject } from "../../core/json.ts";
import type {
  FoundTable,
  JobResult,
  JobState,
  LoadJob,
  NewTable,
  QueryJob,
  Row,
  Sql,
  Warehouse,
  WarehouseTables,
  WriteStatement,
} from "../../ports/warehouse.ts";
import type { Job } from "./jobs.ts";
import { loadResult, runLoad } from "./load.ts";
import { loadFailure } from "./load-failure.ts";
import type { BigQueryOptions } from "./options.ts";
import { createTable, findTable, write } from "./own-tables.ts";
import { queryResult, runQuery, writeFailure } from "./query.ts";
import type { RunState } from "./runs.ts";
import { selectRows } from "./select.ts";
import { Session } from "./session.ts";
import { checkParameters, sqlOf } from "./sql-text.ts";

/**
 * Tables of BigQuery. Its jobs go on without us: one whose caller went away is found again by its id, and the signal of a
 * call ends the wait alone. The client is loaded at the first use.
 */
export class BigQueryWarehouse implements Warehouse, WarehouseTables {
  readonly #session: Session;

  constructor(options: BigQueryOptions) {
    this.#session = new Session(options);
  }

  async load(job: LoadJob): Promise<JobState> {
    const state = await runLoad(this.#session, job);
    if (state.kind === "failed") throw loadFailure(state.job, job);
    return stateOf(state, (succeeded) => loadResult(this.#session, job, succeeded));
  }

  async query(job: QueryJob): Promise<JobState> {
    const state = await runQuery(this.#session, job);
    if (state.kind === "failed") throw writeFailure(state.job, job.into.table);
    return stateOf(state, (succeeded) => queryResult(this.#session, job, succeeded));
  }

  async rows(sql: Sql, parameters: JsonObject, limit: number, signal: AbortSignal): Promise<readonly Row[]> {
    const text = sqlOf(sql);
    checkParameters(text, parameters);
    return selectRows(this.#session, { sql: text, parameters, signal }, limit);
  }

  async cancel(jobId: string): Promise<void> {
    await this.#session.runs.cancel(jobId, new AbortController().signal);
  }

  findTable(name: string): Promise<FoundTable | undefined> {
    return findTable(this.#session, name);
  }

  createTable(name: string, table: NewTable): Promise<FoundTable> {
    return createTable(this.#session, name, table);
  }

  write(statement: WriteStatement): Promise<void> {
    return write(this.#session, statement);
  }
}

async function stateOf(
  state: Exclude<RunState, { kind: "failed" }>,
  result: (succeeded: Extract<RunState, { kind: "succeeded" }>) => Promise<JobResult>,
): Promise<JobState> {
  if (state.kind === "succeeded") return { kind: "done", result: await result(state) };
  return { kind: "running", ...percentOf(state.job) };
}

function percentOf({ statistics: { completionRatio } }: Job): { percent?: number } {
  return completionRatio === undefined ? {} : { percent: Math.round(completionRatio * 100) };
}
