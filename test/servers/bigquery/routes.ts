import { createHash } from "node:crypto";
import * as z from "zod";
import { failure, type HttpCall, type HttpReply } from "../kit/http-server.ts";
import { cellOf } from "./cells.ts";
import { type Database, qualified, type Selected, type TableName } from "./database.ts";
import { InsertSchema, type ServerJob, type ServerJobs } from "./jobs.ts";
import { BigQueryProblem, notFound, replyOf } from "./problems.ts";
import type { ReadObject } from "./run-load.ts";
import { QuerySchema } from "./run-query.ts";
import { FieldSchema } from "./types.ts";
import type { Uploads } from "./uploads.ts";

/** Rows of the largest page; few, so that tests turn pages. */
const pageRows = 1_000;
const defaultWaitMs = 10_000;

const TableBodySchema = z.looseObject({
  tableReference: z.object({ tableId: z.string() }),
  schema: z.object({ fields: z.array(FieldSchema).default([]) }).default({ fields: [] }),
});
const DatasetBodySchema = z.object({
  datasetReference: z.object({ datasetId: z.string() }),
  location: z.string().default("US"),
});

export interface World {
  readonly readObject: ReadObject;
  readonly database: Database;
  readonly jobs: ServerJobs;
  readonly uploads: Uploads;
}

type Route = (world: World, call: HttpCall, parts: readonly string[]) => Promise<unknown> | unknown;

const routes: readonly (readonly [string, RegExp, Route])[] = [
  ["POST", /^jobs$/, insertJob],
  ["GET", /^jobs\/([^/]+)$/, ({ jobs }, { query }, [id = ""]) => shown(jobs.find(id, query.get("location")))],
  ["POST", /^jobs\/([^/]+)\/cancel$/, cancelJob],
  ["POST", /^queries$/, queryNow],
  ["GET", /^queries\/([^/]+)$/, queryResults],
  ["GET", /^datasets\/([^/]+)$/, getDataset],
  ["POST", /^datasets$/, insertDataset],
  ["GET", /^datasets\/([^/]+)\/tables\/([^/]+)$/, getTable],
  ["POST", /^datasets\/([^/]+)\/tables$/, insertTable],
  ["DELETE", /^datasets\/([^/]+)\/tables\/([^/]+)$/, deleteTable],
];

export async function handle(world: World, call: HttpCall): Promise<HttpReply> {
  const object = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/.exec(call.path);
  if (object && call.method === "GET") return contentOf(world, call, object.slice(1).map(decodeURIComponent));
  if (call.path.startsWith("/upload/bigquery/v2/")) return upload(world, call);
  const path = /^\/bigquery\/v2\/projects\/[^/]+\/(.+)$/.exec(call.path)?.[1] ?? "";
  try {
    for (const [method, pattern, route] of routes) {
      const match = call.method === method ? pattern.exec(path) : null;
      if (!match) continue;
      const body = await route(world, call, match.slice(1).map(decodeURIComponent));
      return body === undefined ? { status: 204 } : { status: 200, body };
    }
    throw notFound(`${call.method} ${call.path} is left out here`);
  } catch (thrown) {
    return replyOf(thrown);
  }
}

/** The contents of Cloud Storage, which refuses a download in plain text, and a look in JSON. */
async function contentOf(
  { readObject }: World,
  { query }: HttpCall,
  [bucket, object]: readonly string[],
): Promise<HttpReply> {
  const content = await readObject(`gs://${bucket}/${object}`);
  const isDownload = query.get("alt") === "media";
  const missing = `No such object: ${bucket}/${object}`;
  if (!content)
    return isDownload
      ? { status: 404, headers: { "content-type": "text/html; charset=UTF-8" }, body: Buffer.from(missing) }
      : failure(404, missing, "notFound");
  const hash = createHash("md5").update(content).digest("base64");
  // A number that changes with the content, as a generation does.
  const generation = BigInt(`0x${createHash("md5").update(content).digest("hex").slice(0, 14)}`).toString();
  if (!isDownload) return { status: 200, body: { kind: "storage#object", bucket, name: object, generation } };
  const expected = query.get("ifGenerationMatch");
  if (expected !== null && expected !== generation)
    return failure(412, "At least one of the pre-conditions you specified did not hold.", "conditionNotMet");
  const headers = { "x-goog-hash": `md5=${hash}`, "x-goog-generation": generation };
  return { status: 200, headers, body: Buffer.from(content) };
}

function parsed<T>(schema: z.ZodType<T>, { headers, body }: HttpCall): T {
  if (!/^application\/json\b/.test(headers["content-type"] ?? ""))
    throw new BigQueryProblem(400, "badRequest", `Unsupported content type ${headers["content-type"]}`);
  const result = schema.safeParse(jsonIn(body));
  if (!result.success) throw new BigQueryProblem(400, "invalid", z.prettifyError(result.error));
  return result.data;
}

function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new BigQueryProblem(400, "parseError", "Failed to parse JSON");
  }
}

async function insertJob({ jobs }: World, call: HttpCall) {
  const request = parsed(InsertSchema, call);
  if (!request.configuration.dryRun) return shown(jobs.insert(request));
  const statistics = await jobs.dryRun(request.configuration);
  return { status: { state: "DONE" }, configuration: { dryRun: true }, statistics };
}

/** Load jobs whose content is uploaded, in pieces of a multiple of 256 KiB. */
function upload({ uploads, jobs }: World, call: HttpCall): HttpReply {
  try {
    const id = call.query.get("upload_id");
    if (id !== null)
      return uploads.receive(id, call, (request, content) => shown(jobs.insert(request, content)));
    if (call.method !== "POST" || call.query.get("uploadType") !== "resumable")
      throw notFound(`${call.method} ${call.path} is left out here`);
    const location = uploads.begin(parsed(InsertSchema, call));
    const url = `http://${call.headers.host}${call.path}?uploadType=resumable&upload_id=${location}`;
    return { status: 200, headers: { location: url } };
  } catch (thrown) {
    return replyOf(thrown);
  }
}

function cancelJob({ jobs }: World, { query }: HttpCall, [id = ""]: readonly string[]) {
  const job = jobs.find(id, query.get("location"));
  jobs.cancel(job);
  return { kind: "bigquery#jobCancelResponse", job: shown(job) };
}

function shown({ id, location, configuration, state, problem, statistics }: ServerJob) {
  const error = problem && { reason: problem.reason, message: problem.message };
  const errors = problem?.details.map((message) => ({ reason: problem.reason, message })) ?? [];
  return {
    kind: "bigquery#job",
    jobReference: { projectId: "test", jobId: id, location },
    configuration: {
      jobType: configuration.load ? "LOAD" : configuration.copy ? "COPY" : "QUERY",
      labels: configuration.labels,
    },
    status: { state, ...(error && { errorResult: error, errors: [error, ...errors] }) },
    statistics,
  };
}

async function queryNow({ database, jobs }: World, call: HttpCall) {
  const request = z.object({
    maxResults: z.number().default(pageRows),
    location: z.string().optional(),
    formatOptions: z.object({ useInt64Timestamp: z.boolean().default(false) }).prefault({}),
  });
  const { maxResults, location, formatOptions } = parsed(request, call);
  const job = jobs.insert({
    jobReference: { location },
    configuration: { dryRun: false, labels: {}, query: parsed(QuerySchema, call) },
  });
  const useInt64Timestamp = formatOptions.useInt64Timestamp;
  return pageOf(database, job, { maxResults, offset: 0, waitMs: defaultWaitMs, useInt64Timestamp });
}

function queryResults({ database, jobs }: World, { query }: HttpCall, [id = ""]: readonly string[]) {
  const job = jobs.find(id, query.get("location"));
  return pageOf(database, job, {
    maxResults: Number(query.get("maxResults") ?? pageRows),
    offset: Number(query.get("pageToken") ?? 0),
    waitMs: Number(query.get("timeoutMs") ?? defaultWaitMs),
    useInt64Timestamp: query.get("formatOptions.useInt64Timestamp") === "true",
  });
}

async function pageOf(
  database: Database,
  job: ServerJob,
  page: { maxResults: number; offset: number; waitMs: number; useInt64Timestamp: boolean },
) {
  const { maxResults, offset, waitMs } = page;
  const jobReference = { projectId: "test", jobId: job.id, location: job.location };
  await Promise.race([job.ended, new Promise((resolve) => setTimeout(resolve, waitMs).unref())]);
  if (job.state !== "DONE") return { jobReference, jobComplete: false };
  if (job.problem)
    throw job.problem.status === 200 ? new BigQueryProblem(400, "stopped", job.problem.message) : job.problem;
  const { fields, rows } = job.selected ?? (await rowsOfDestination(database, job));
  const end = offset + Math.min(maxResults, pageRows);
  return {
    jobReference,
    jobComplete: true,
    schema: { fields },
    totalRows: String(rows.length),
    rows: rows.slice(offset, end).map((row) => ({
      f: fields.map((field, index) => cellOf(field, row[index] ?? null, page)),
    })),
    ...(end < rows.length && maxResults > 0 && { pageToken: String(end) }),
  };
}

/** As in BigQuery, they are all rows of the table: those of others too, when they were appended. */
function rowsOfDestination(database: Database, { configuration }: ServerJob): Promise<Selected> {
  const table = configuration.query?.destinationTable;
  if (!table) return Promise.resolve({ fields: [], rows: [], rowsChanged: 0 });
  return database.exclusive(() => database.run(`FROM ${qualified(table)}`));
}

function getDataset({ database }: World, _call: HttpCall, [dataset = ""]: readonly string[]) {
  const location = database.locationOf(dataset);
  if (location === undefined) throw notFound(`Dataset test:${dataset}`);
  return { datasetReference: { projectId: "test", datasetId: dataset }, location };
}

async function insertDataset({ database }: World, call: HttpCall) {
  const { datasetReference, location } = parsed(DatasetBodySchema, call);
  const { datasetId } = datasetReference;
  await database.exclusive(async () => {
    if (database.locationOf(datasetId) !== undefined)
      throw new BigQueryProblem(409, "duplicate", `Already Exists: Dataset test:${datasetId}`);
    await database.createDataset(datasetId, location);
  });
  return { datasetReference, location };
}

async function getTable(
  { database }: World,
  _call: HttpCall,
  [datasetId = "", tableId = ""]: readonly string[],
) {
  return database.exclusive(() => tableShown(database, { datasetId, tableId }));
}

async function tableShown(database: Database, table: TableName) {
  const fields = await database.columnsOf(table);
  if (!fields) throw notFound(`Table test:${table.datasetId}.${table.tableId}`);
  const numRows = fields.length > 0 ? await database.countRows(table) : 0;
  return {
    ...database.propertiesOf(table),
    tableReference: { projectId: "test", ...table },
    type: "TABLE",
    ...(fields.length > 0 && { schema: { fields } }),
    numRows: String(numRows),
  };
}

async function insertTable({ database }: World, call: HttpCall, [datasetId = ""]: readonly string[]) {
  const { tableReference, schema, ...properties } = parsed(TableBodySchema, call);
  const table = { datasetId, tableId: tableReference.tableId };
  return database.exclusive(async () => {
    if (await database.columnsOf(table))
      throw new BigQueryProblem(409, "duplicate", `Already Exists: Table test:${datasetId}.${table.tableId}`);
    await database.declare(table, schema.fields, properties);
    return tableShown(database, table);
  });
}

async function deleteTable(
  { database }: World,
  _call: HttpCall,
  [datasetId = "", tableId = ""]: readonly string[],
) {
  await database.exclusive(async () => {
    if (!(await database.columnsOf({ datasetId, tableId })))
      throw notFound(`Table test:${datasetId}.${tableId}`);
    await database.drop({ datasetId, tableId });
  });
  return undefined;
}
