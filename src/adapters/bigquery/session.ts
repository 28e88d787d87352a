import { limits } from "../../core/limits.ts";
import { countsNoTime } from "../../ports/task-time.ts";
import { BigQueryApi } from "./api.ts";
import { parseTable, type Table } from "./identifiers.ts";
import { Jobs } from "./jobs.ts";
import { ObjectBytes } from "./object-bytes.ts";
import type { BigQueryOptions } from "./options.ts";
import { Runs } from "./runs.ts";
import { Tables } from "./tables.ts";

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
