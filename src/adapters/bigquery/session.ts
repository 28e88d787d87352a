import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { noTaskTime } from "../../ports/task-runner.ts";
import { GoogleCredentials, withFreshCredentials } from "../remote/google-credentials.ts";
import { retryInPlaceDelayMs, rootCauseMessage } from "../remote/http-request.ts";
import {
  AnyObjectSchema,
  NoContentSchema,
  toClientError,
  toClientFailure,
} from "../remote/service-response.ts";
import { BigQueryApi, type BigQueryOptions } from "./api.ts";
import { BigQueryRefusal, finalFailure, unavailable } from "./errors.ts";
import { Jobs, SchemaSchema, type TableSchema } from "./jobs.ts";
import { Runs } from "./runs.ts";
import { parseTable, type Table, type TableReference } from "./statements.ts";

const retryWaitsMs = [100, 400, 1_600];
const defaultTimeoutMs = 60_000;

/** Reads files of Cloud Storage before BigQuery does, to see what BigQuery would guess at, or say in other words. */
class ObjectReader {
  readonly #endpoint: string;
  readonly #credentials: GoogleCredentials | undefined;
  readonly #timeoutMs: number;

  constructor({ storageEndpoint, apiEndpoint, requestMs }: BigQueryOptions) {
    const given = storageEndpoint ?? apiEndpoint;
    const isGoogle = given === undefined || /^(https:\/\/)?([\w-]+\.)*googleapis\.com\/?$/.test(given);
    this.#endpoint = isGoogle ? "https://storage.googleapis.com" : given.replace(/\/(storage\/v1\/?)?$/, "");
    this.#credentials = isGoogle ? new GoogleCredentials() : undefined;
    this.#timeoutMs = requestMs ?? defaultTimeoutMs;
  }

  /**
   * The content at a `gs://` URI, in pieces. Throws `FILE_MISSING`, `WAREHOUSE_DENIED`, the retryable
   * `WAREHOUSE_FAILED`, and the reason of the signal.
   */
  async *read(uri: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const silence = new AbortController();
    const timer = setTimeout(
      () => silence.abort(new Error(`nothing came for ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
    try {
      const response = await this.#open(uri, AbortSignal.any([signal, silence.signal]));
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        yield chunk;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw toReadFailure(thrown, uri);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(uri: string, signal: AbortSignal): Promise<Response> {
    const [, bucket = "", object = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
    const url = `${this.#endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`;
    for (let tries = 0; ; tries++) {
      try {
        return await withFreshCredentials(() => this.#ask(url, signal), {
          isRefused: (thrown) => toClientFailure(thrown).answeredStatus === 401,
          refresh: () => this.#credentials?.forget(),
        });
      } catch (thrown) {
        signal.throwIfAborted();
        const { status, retryAfterSeconds } = toClientFailure(thrown);
        const waitMs = retryWaitsMs[tries];
        const pauseMs = waitMs === undefined ? undefined : retryInPlaceDelayMs(waitMs, retryAfterSeconds);
        if (!isTransientStatus(status) || pauseMs === undefined) throw thrown;
        await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  /** Cloud Storage sends a hash with every content; the page of a proxy has none. */
  async #ask(url: string, signal: AbortSignal): Promise<Response> {
    // As it is stored: what is compressed is told by its bytes.
    const headers = { ...(await this.#credentials?.headers()), "accept-encoding": "gzip" };
    const response = await fetch(url, { headers, signal, redirect: "error" });
    if (response.ok && response.headers.has("x-goog-hash")) return response;
    if (!response.ok)
      throw await readRefusal(response, () =>
        fetch(metadataUrl(url), { headers, signal, redirect: "error" }),
      );
    await response.body?.cancel();
    throw new Error("what came is not an answer of Cloud Storage: it has no hash of the content");
  }
}

function metadataUrl(url: string): string {
  return url.replace(/\?alt=media$/, "");
}

/**
 * Cloud Storage refuses a download in plain text, as a proxy might: what it is about is told in JSON where only a
 * look is asked for.
 */
async function readRefusal(refused: Response, look: () => Promise<Response>): Promise<Error> {
  const error = await readClientError(refused);
  if (toClientFailure(error).status !== 0) return error;
  const looked = await look();
  return looked.ok ? error : readClientError(looked);
}

async function readClientError(response: Response): Promise<Error> {
  const text = await response.text();
  return toClientError(response.status, response.headers, tryParseJson(text) ?? text);
}

function isTransientStatus(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function toReadFailure(thrown: unknown, uri: string): unknown {
  const { status, message } = toClientFailure(thrown);
  if (status === 404) return finalFailure("FILE_MISSING", `There is no file ${uri}`, thrown);
  if (status === 401 || status === 403)
    return finalFailure(
      "WAREHOUSE_DENIED",
      `Cloud Storage refused to let ${uri} be read: ${message}`,
      thrown,
    );
  if (isTransientStatus(status))
    return unavailable(`${uri} could not be read: ${rootCauseMessage(thrown)}`, thrown);
  return finalFailure("FILE_UNREADABLE", `Cloud Storage refused to let ${uri} be read: ${message}`, thrown);
}

/** What works on a project share. Nothing is asked for, or loaded, before it is used. */
export class Session {
  readonly options: BigQueryOptions;
  readonly api: BigQueryApi;
  readonly objects: ObjectReader;
  readonly tables: Tables;
  readonly jobs: Jobs;
  readonly runs: Runs;

  constructor(options: BigQueryOptions) {
    this.options = options;
    this.api = new BigQueryApi(options);
    this.objects = new ObjectReader(options);
    this.tables = new Tables(this.api, options);
    const { projectId, time = noTaskTime } = options;
    this.jobs = new Jobs(this.api, projectId, (signal) => this.tables.location(signal), time);
    const waitMs = options.waitMs ?? limits.warehouseWaitSeconds * 1_000;
    this.runs = new Runs(this.jobs, waitMs, options.deployment ?? options.dataset);
  }

  tableOf(name: string): Table {
    return parseTable(name, this.options.projectId, this.options.dataset);
  }

  /** The part of a job's configuration that all queries have. */
  queryOf(
    query: string,
    parameters: readonly unknown[],
    maximumBytesBilled = this.options.maximumBytesBilled,
  ): Readonly<Record<string, unknown>> {
    const { projectId, dataset: datasetId } = this.options;
    return {
      query,
      useLegacySql: false,
      defaultDataset: { projectId, datasetId },
      ...(parameters.length > 0 && { parameterMode: "NAMED", queryParameters: parameters }),
      ...(maximumBytesBilled !== undefined && { maximumBytesBilled: String(maximumBytesBilled) }),
    };
  }
}

const TableInfoSchema = z.object({
  tableReference: AnyObjectSchema,
  schema: SchemaSchema.default({ fields: [] }),
  numRows: z.coerce.number().default(0),
});
export type TableInfo = z.infer<typeof TableInfoSchema>;
const DatasetSchema = z.object({ datasetReference: AnyObjectSchema, location: z.string().optional() });

const defaultLocation = "US";

/** Datasets and tables, apart from what is in them. */
class Tables {
  readonly #api: BigQueryApi;
  readonly #options: BigQueryOptions;
  readonly #locations = new Map<string, string>();

  constructor(api: BigQueryApi, options: BigQueryOptions) {
    this.#api = api;
    this.#options = options;
  }

  /** Where jobs run: BigQuery finds a job again only with its location. */
  async location(signal: AbortSignal): Promise<string> {
    const found = await this.ensureDataset(this.#options.dataset, signal);
    return this.#options.location ?? found;
  }

  /** Makes the dataset when it is missing. Gives its location. */
  async ensureDataset(dataset: string, signal: AbortSignal): Promise<string> {
    const known = this.#locations.get(dataset);
    if (known !== undefined) return known;
    const found = await this.#api.call("GET", `/datasets/${dataset}`, DatasetSchema, signal);
    const location = found?.location ?? this.#options.location ?? (await this.#elsewhere(dataset, signal));
    if (!found) {
      const { projectId } = this.#options;
      const body = { datasetReference: { projectId, datasetId: dataset }, location };
      await ignoreAlreadyExists(this.#api.call("POST", "/datasets", DatasetSchema, signal, { body }));
    }
    this.#locations.set(dataset, location);
    return location;
  }

  /** Undefined when there is no such table. */
  async find(table: TableReference, signal: AbortSignal): Promise<TableInfo | undefined> {
    return this.#api.call("GET", toTablePath(table), TableInfoSchema, signal);
  }

  /** Makes a table unless there is one; whoever makes it at the same time has the same in mind. */
  async ensure(
    table: TableReference,
    properties: { readonly schema?: TableSchema; readonly [property: string]: unknown },
    signal: AbortSignal,
  ): Promise<void> {
    await this.ensureDataset(table.datasetId, signal);
    const body = { tableReference: table, ...properties };
    const path = `/datasets/${table.datasetId}/tables`;
    await ignoreAlreadyExists(this.#api.call("POST", path, TableInfoSchema, signal, { body }));
  }

  /** Also when it is gone already. */
  async drop(table: TableReference, signal: AbortSignal): Promise<void> {
    await this.#api.call("DELETE", toTablePath(table), NoContentSchema, signal);
  }

  /** Datasets are made beside the default one: a query can't reach into two locations. */
  async #elsewhere(dataset: string, signal: AbortSignal): Promise<string> {
    const beside = this.#options.dataset;
    return dataset === beside ? defaultLocation : this.ensureDataset(beside, signal);
  }
}

function toTablePath({ datasetId, tableId }: TableReference): string {
  return `/datasets/${datasetId}/tables/${tableId}`;
}

async function ignoreAlreadyExists(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (thrown) {
    if (!(thrown instanceof BigQueryRefusal) || thrown.status !== 409) throw thrown;
  }
}
