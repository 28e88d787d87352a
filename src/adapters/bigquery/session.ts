import * as z from "zod";
import { limits } from "../../core/limits.ts";
import { countsNoTime } from "../../ports/task-time.ts";
import { AnyObjectSchema, NoContentSchema } from "../remote/service-answer.ts";
import { BigQueryApi, type BigQueryOptions } from "./api.ts";
import { Refused } from "./errors.ts";
import { parseTable, type Table, type TableReference } from "./identifiers.ts";
import { Jobs, SchemaSchema, type TableSchema } from "./jobs.ts";
import { ObjectBytes } from "./object-bytes.ts";
import { Runs } from "./runs.ts";

/** What works on a project share. Nothing is asked for, or loaded, before it is used. */
export class Session {
  readonly options: BigQueryOptions;
  readonly api: BigQueryApi;
  readonly objects: ObjectBytes;
  readonly tables: Tables;
  readonly jobs: Jobs;
  readonly runs: Runs;

  constructor(options: BigQueryOptions) {
    this.options = options;
    this.api = new BigQueryApi(options);
    this.objects = new ObjectBytes(options);
    this.tables = new Tables(this.api, options);
    const { projectId, time = countsNoTime } = options;
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

const TableSchemaOf = z.object({
  tableReference: AnyObjectSchema,
  schema: SchemaSchema.default({ fields: [] }),
  numRows: z.coerce.number().default(0),
});
export type TableInfo = z.infer<typeof TableSchemaOf>;
const DatasetSchema = z.object({ datasetReference: AnyObjectSchema, location: z.string().optional() });

const multiRegion = "US";

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
      await unlessThere(this.#api.call("POST", "/datasets", DatasetSchema, signal, { body }));
    }
    this.#locations.set(dataset, location);
    return location;
  }

  /** Undefined when there is no such table. */
  async find(table: TableReference, signal: AbortSignal): Promise<TableInfo | undefined> {
    return this.#api.call("GET", pathOf(table), TableSchemaOf, signal);
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
    await unlessThere(this.#api.call("POST", path, TableSchemaOf, signal, { body }));
  }

  /** Also when it is gone already. */
  async drop(table: TableReference, signal: AbortSignal): Promise<void> {
    await this.#api.call("DELETE", pathOf(table), NoContentSchema, signal);
  }

  /** Datasets are made beside the default one: a query can't reach into two locations. */
  async #elsewhere(dataset: string, signal: AbortSignal): Promise<string> {
    const beside = this.#options.dataset;
    return dataset === beside ? multiRegion : this.ensureDataset(beside, signal);
  }
}

function pathOf({ datasetId, tableId }: TableReference): string {
  return `/datasets/${datasetId}/tables/${tableId}`;
}

async function unlessThere(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (thrown) {
    if (!(thrown instanceof Refused) || thrown.status !== 409) throw thrown;
  }
}
