import { randomUUID } from "node:crypto";
import * as z from "zod";
import { errorCode } from "../../core/errors/errors.ts";
import type { JsonObject } from "../../core/values/json.ts";
import type { Row } from "../../ports/warehouse.ts";
import { AnyObjectSchema } from "../remote/service-response.ts";
import { commonFailure, finalFailure, toTaskFailure } from "./api.ts";
import { isDone, type Job, type TableSchema } from "./jobs.ts";
import { FieldsSchema, RowSchema, toRow } from "./json-values.ts";
import {
  type BoundQuery,
  type DryRunResult,
  inferTypes,
  toQueryParameters,
  toUntypedQuery,
} from "./parameters.ts";
import type { Session } from "./session.ts";

export interface SelectQuery {
  readonly sql: string;
  readonly parameters: JsonObject;
  readonly signal: AbortSignal;
}

const PageSchema = z.object({
  jobReference: AnyObjectSchema,
  jobComplete: z.boolean().default(true),
  schema: FieldsSchema.default({ fields: [] }),
  rows: z.array(RowSchema).default([]),
  pageToken: z.string().optional(),
});

const waitMs = 60_000;
const noRows: TableSchema = { fields: [] };

export interface DescribedSelect extends BoundQuery {
  readonly schema: TableSchema;
}

/**
 * Finds the columns of a SELECT by a dry run, and the text and typed parameters to run it with. Throws `SQL_FAILED`,
 * also for a statement that is not a SELECT.
 */
export async function describeSelect(
  session: Session,
  { sql, parameters, signal }: SelectQuery,
): Promise<DescribedSelect> {
  const plain = { sql, parameters: toQueryParameters(parameters) };
  const untyped = toUntypedQuery(sql, parameters);
  const inferred = untyped && (await inferTypes(untyped, (query) => tryDryRun(session, query, signal)));
  // If BigQuery can't infer the types, null is text, and an error refers to the author's own SQL.
  return inferred ?? { ...plain, schema: resultSchema(await dryRun(session, plain, signal)) };
}

async function tryDryRun(
  session: Session,
  query: BoundQuery,
  signal: AbortSignal,
): Promise<DryRunResult<TableSchema> | undefined> {
  try {
    const job = await dryRun(session, query, signal);
    return { schema: resultSchema(job), inferred: job.statistics.query?.undeclaredQueryParameters ?? [] };
  } catch (thrown) {
    if (errorCode(thrown) === "SQL_FAILED") return undefined;
    throw thrown;
  }
}

async function dryRun(session: Session, { sql, parameters }: BoundQuery, signal: AbortSignal): Promise<Job> {
  try {
    return await session.jobs.dryRun({ query: session.queryConfiguration(sql, parameters) }, signal);
  } catch (thrown) {
    throw toTaskFailure("SQL_FAILED", "The SQL failed", thrown);
  }
}

function resultSchema(job: Job): TableSchema {
  if (job.status.errorResult) throw toQueryFailure(job);
  if (job.statistics.query?.statementType !== "SELECT")
    throw finalFailure("SQL_FAILED", "Only one SELECT statement can be run");
  return job.statistics.query.schema ?? noRows;
}

/** Returns at most `limit` rows of a SELECT. An aborted signal cancels the query: it has no other caller. */
export async function selectRows(
  session: Session,
  question: SelectQuery,
  limit: number,
): Promise<readonly Row[]> {
  const { signal } = question;
  const { sql, parameters } = await describeSelect(session, question);
  const id = `baton_rows_${randomUUID()}`;
  try {
    const query = session.queryConfiguration(sql, parameters);
    let job = await session.jobs.start(id, { configuration: { query } }, signal);
    while (!isDone(job)) job = await session.jobs.wait(id, job, waitMs, signal);
    if (job.status.errorResult) throw toQueryFailure(job);
    return await readRows(session, id, limit, signal);
  } catch (thrown) {
    if (signal.aborted) await session.jobs.cancel(id, AbortSignal.timeout(1_000)).catch(() => undefined);
    throw toTaskFailure("SQL_FAILED", "The SQL failed", thrown);
  }
}

async function readRows(
  session: Session,
  id: string,
  limit: number,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const location = await session.tables.location(signal);
  const rows: Row[] = [];
  let pageToken: string | undefined;
  do {
    const maxResults = limit - rows.length;
    const query = { location, maxResults, pageToken, "formatOptions.useInt64Timestamp": true };
    const page = await session.api.call("GET", `/queries/${id}`, PageSchema, signal, { query });
    if (!page) throw finalFailure("SQL_FAILED", "The rows of the query have expired");
    rows.push(...page.rows.map((row) => toRow(page.schema.fields, row)));
    pageToken = page.pageToken;
  } while (pageToken !== undefined && rows.length < limit);
  return rows.slice(0, limit);
}

/** The error of a job that ended with one. */
export function toQueryFailure(job: Job): Error {
  const problem = job.status.errorResult ?? { reason: "", message: "it has no result" };
  return commonFailure(problem) ?? finalFailure("SQL_FAILED", `The SQL failed: ${problem.message}`);
}
