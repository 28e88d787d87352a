import { randomUUID } from "node:crypto";
import type { FoundTable, NewTable, WriteStatement } from "../../ports/warehouse.ts";
import { commonFailure, refusal, translated, unavailable } from "./errors.ts";
import { quoteTable, type Table } from "./identifiers.ts";
import { queryParameters } from "./parameters.ts";
import type { RunState } from "./runs.ts";
import { namesOf } from "./schemas.ts";
import type { Session } from "./session.ts";

const types = { text: "STRING", json: "JSON", timestamp: "TIMESTAMP" } as const;
/** Most columns that BigQuery clusters by. */
const clusterColumns = 4;

export async function findTable(session: Session, name: string): Promise<FoundTable | undefined> {
  const table = session.tableOf(name);
  const found = await session.tables.find(table.reference, new AbortController().signal);
  return found && foundTable(table, namesOf(found.schema));
}

/** Creates the table unless it exists. */
export async function createTable(session: Session, name: string, created: NewTable): Promise<FoundTable> {
  const table = session.tableOf(name);
  const { columns, days, cluster } = created;
  const properties = {
    schema: { fields: columns.map((column) => ({ name: column.name, type: types[column.type] })) },
    timePartitioning: { type: "DAY", field: days },
    clustering: { fields: cluster.slice(0, clusterColumns) },
  };
  await session.tables.ensure(table.reference, properties, new AbortController().signal);
  return foundTable(
    table,
    columns.map((column) => column.name),
  );
}

function foundTable(table: Table, columns: readonly string[]): FoundTable {
  return { name: table.name, sql: quoteTable(table.reference), dialect: "bigquery", columns };
}

/** Runs the statement as one job by its id. */
export async function write(session: Session, statement: WriteStatement): Promise<void> {
  const state = await advance(session, statement);
  if (state.kind === "running") throw unavailable(`a row of ${statement.table} is still being written`);
  const problem = state.kind === "failed" ? state.job.status.errorResult : undefined;
  if (problem)
    throw (
      commonFailure(problem) ??
      refusal("TABLE_MISMATCH", `The row does not fit table ${statement.table}: ${problem.message}`)
    );
}

async function advance(session: Session, { id, table, sql, parameters }: WriteStatement): Promise<RunState> {
  const query = session.queryOf(sql, queryParameters(parameters));
  try {
    return await session.runs.advance({
      id,
      attempt: randomUUID(),
      parts: [{ name: "write", configure: async () => ({ query }) }],
      signal: new AbortController().signal,
    });
  } catch (thrown) {
    throw translated("TABLE_MISMATCH", `The row does not fit table ${table}`, thrown);
  }
}
