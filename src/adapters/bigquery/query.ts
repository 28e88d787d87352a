import * as z from "zod";
import type { JobResult, QueryJob } from "../../ports/warehouse.ts";
import { AnyObjectSchema } from "../remote/service-response.ts";
import { finalFailure, isTransient, toTaskFailure } from "./errors.ts";
import type { Job, JobConfiguration } from "./jobs.ts";
import { assertParametersMatch, bigQuerySql, withoutTrailingSemicolon } from "./parameters.ts";
import type { RunPhase, RunState } from "./runs.ts";
import { describeSelect, toQueryFailure } from "./select.ts";
import type { Session } from "./session.ts";
import {
  assertKeyColumns,
  assertSameColumns,
  columnNames,
  insertStatement,
  mergeStatement,
  quoteTable,
  type Table,
} from "./statements.ts";

const TotalSchema = z.object({ jobReference: AnyObjectSchema, totalRows: z.coerce.number().default(0) });

/** Runs a SELECT and writes its rows to a table. */
export async function runQuery(session: Session, job: QueryJob): Promise<RunState> {
  const table = session.resolveTable(job.into.table);
  const write: RunPhase = { name: "write", configure: () => configureQuery(session, table, job) };
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

export async function queryResult(
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
export function writeFailure(job: Job, table: string): Error {
  const problem = job.status.errorResult;
  if (
    problem &&
    !isTransient(problem) &&
    /cannot be (inserted|assigned)|which cannot be|cannot assign/i.test(problem.message)
  )
    return finalFailure("TABLE_MISMATCH", `The rows do not fit table ${table}: ${problem.message}`);
  return toQueryFailure(job);
}
