import { randomUUID } from "node:crypto";
import * as z from "zod";
import { codeOf } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { Row } from "../../ports/warehouse.ts";
import { AnyObjectSchema } from "../remote/service-answer.ts";
import { commonFailure, refusal, translated } from "./errors.ts";
import { isDone, type Job, type TableSchema } from "./jobs.ts";
import { FieldsSchema, RowSchema, toRow } from "./json-values.ts";
import { queryParameters } from "./parameters.ts";
import type { Session } from "./session.ts";
import { type BoundQuery, type Described, inferTypes, openQueryOf } from "./untyped-parameters.ts";

export interface Question {
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

const oneWaitMs = 60_000;
const noRows: TableSchema = { fields: [] };

export interface DescribedSelect extends BoundQuery {
  readonly schema: TableSchema;
}

/**
 * The columns of a SELECT that has not been run, and the text and parameters to run it with. Throws `SQL_FAILED`,
 * also for a statement that does more than read.
 */
export async function describeSelect(
  session: Session,
  { sql, parameters, signal }: Question,
): Promise<DescribedSelect> {
  const plain = { sql, parameters: queryParameters(parameters) };
  const open = openQueryOf(sql, parameters);
  const inferred = open && (await inferTypes(open, (query) => describedOf(session, query, signal)));
  // When BigQuery can't tell the types, null is text, and the refusal is told in the author's own text.
  return inferred ?? { ...plain, schema: schemaOf(await dryRun(session, plain, signal)) };
}

async function describedOf(
  session: Session,
  query: BoundQuery,
  signal: AbortSignal,
): Promise<Described<TableSchema> | undefined> {
  try {
    const job = await dryRun(session, query, signal);
    return { schema: schemaOf(job), inferred: job.statistics.query?.undeclaredQueryParameters ?? [] };
  } catch (thrown) {
    if (codeOf(thrown) === "SQL_FAILED") return undefined;
    throw thrown;
  }
}

async function dryRun(session: Session, { sql, parameters }: BoundQuery, signal: AbortSignal): Promise<Job> {
  try {
    return await session.jobs.dryRun({ query: session.queryOf(sql, parameters) }, signal);
  } catch (thrown) {
    throw translated("SQL_FAILED", "The SQL failed", thrown);
  }
}

function schemaOf(job: Job): TableSchema {
  if (job.status.errorResult) throw queryFailure(job);
  if (job.statistics.query?.statementType !== "SELECT")
    throw refusal("SQL_FAILED", "Only one SELECT statement can be run");
  return job.statistics.query.schema ?? noRows;
}

/** Rows of a SELECT, at most `limit`. The query ends with the signal: nobody else waits for it. */
export async function selectRows(
  session: Session,
  question: Question,
  limit: number,
): Promise<readonly Row[]> {
  const { signal } = question;
  const { sql, parameters } = await describeSelect(session, question);
  const id = `baton_rows_${randomUUID()}`;
  try {
    const query = session.queryOf(sql, parameters);
    let job = await session.jobs.begin(id, { query }, signal);
    while (!isDone(job)) job = await session.jobs.wait(id, job, oneWaitMs, signal);
    if (job.status.errorResult) throw queryFailure(job);
    return await readRows(session, id, limit, signal);
  } catch (thrown) {
    if (signal.aborted) await session.jobs.cancel(id, AbortSignal.timeout(1_000)).catch(() => undefined);
    throw translated("SQL_FAILED", "The SQL failed", thrown);
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
    if (!page) throw refusal("SQL_FAILED", "The rows of the query are gone");
    rows.push(...page.rows.map((row) => toRow(page.schema.fields, row)));
    pageToken = page.pageToken;
  } while (pageToken !== undefined && rows.length < limit);
  return rows.slice(0, limit);
}

/** Why a query ended badly. */
export function queryFailure(job: Job): Error {
  const problem = job.status.errorResult ?? { reason: "", message: "it has no result" };
  return commonFailure(problem) ?? refusal("SQL_FAILED", `The SQL failed: ${problem.message}`);
}
