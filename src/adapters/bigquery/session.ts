import * as z from "zod";
import { limits } from "../../core/limits.ts";
import { noTaskTime } from "../../ports/task-runner.ts";
import { AnyObjectSchema, NoContentSchema } from "../remote/service-response.ts";
import { BigQueryApi, type BigQueryOptions, BigQueryRefusal } from "./api.ts";
import { JobUpload } from "./job-upload.ts";
import { Jobs, SchemaSchema, type TableSchema } from "./jobs.ts";
import { ObjectReader } from "./object-reader.ts";
import { Runs } from "./runs.ts";
import { parseTable, type Table, type TableReference } from "./statements.ts";

/** What all operations on one project share. Nothing is requested or loaded before it is used. */
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
    const upload = new JobUpload(options);
    this.jobs = new Jobs(this.api, upload, projectId, (signal) => this.tables.location(signal), time);
    const waitMs = options.waitMs ?? limits.warehouseWaitSeconds * 1_000;
    this.runs = new Runs(this.jobs, waitMs, options.deployment ?? options.dataset);
  }

  resolveTable(name: string): Table {
    return parseTable(name, this.options.projectId, this.options.dataset);
  }

  /** The configuration that all query jobs have in common. */
  queryConfiguration(
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
  timePartitioning: AnyObjectSchema.optional(),
  rangePartitioning: AnyObjectSchema.optional(),
  clustering: AnyObjectSchema.optional(),
});
export type TableInfo = z.infer<typeof TableInfoSchema>;
const DatasetSchema = z.object({ datasetReference: AnyObjectSchema, location: z.string().optional() });

const defaultLocation = "US";

/** Creates, finds and drops datasets and tables. */
class Tables {
  readonly #api: BigQueryApi;
  readonly #options: BigQueryOptions;
  readonly #locations = new Map<string, string>();

  constructor(api: BigQueryApi, options: BigQueryOptions) {
    this.#api = api;
    this.#options = options;
  }

  /** Where jobs run. BigQuery finds a job only by its id and its location. */
  async location(signal: AbortSignal): Promise<string> {
    const datasetLocation = await this.ensureDataset(this.#options.dataset, signal);
    return this.#options.location ?? datasetLocation;
  }

  /** Creates the dataset if it is missing. Returns its location. */
  async ensureDataset(dataset: string, signal: AbortSignal): Promise<string> {
    const cached = this.#locations.get(dataset);
    if (cached !== undefined) return cached;
    const existing = await this.#api.call("GET", `/datasets/${dataset}`, DatasetSchema, signal);
    const location =
      existing?.location ?? this.#options.location ?? (await this.#locationForNewDataset(dataset, signal));
    if (!existing) {
      const { projectId } = this.#options;
      const body = { datasetReference: { projectId, datasetId: dataset }, location };
      await ignoreAlreadyExists(this.#api.call("POST", "/datasets", DatasetSchema, signal, { body }));
    }
    this.#locations.set(dataset, location);
    return location;
  }

  async find(table: TableReference, signal: AbortSignal): Promise<TableInfo | undefined> {
    return this.#api.call("GET", toTablePath(table), TableInfoSchema, signal);
  }

  /** Creates the table unless it exists. Two callers that race create the same table. */
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

  /** Does nothing if the table does not exist. */
  async drop(table: TableReference, signal: AbortSignal): Promise<void> {
    await this.#api.call("DELETE", toTablePath(table), NoContentSchema, signal);
  }

  /** The location of the default dataset: one query can't use tables in two locations. */
  async #locationForNewDataset(dataset: string, signal: AbortSignal): Promise<string> {
    const defaultDataset = this.#options.dataset;
    return dataset === defaultDataset ? defaultLocation : this.ensureDataset(defaultDataset, signal);
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
