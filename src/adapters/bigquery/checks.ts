import * as z from "zod";
import { archiveColumns } from "../../core/archive-key.ts";
import type { WarehouseChecks } from "../../ports/checks.ts";
import { AnyObjectSchema } from "../remote/service-answer.ts";
import { BigQueryApi } from "./api.ts";
import type { BigQueryOptions } from "./options.ts";

const DatasetSchema = z.object({ datasetReference: AnyObjectSchema, location: z.string().default("") });
const TableSchema = z.object({
  tableReference: AnyObjectSchema,
  schema: z.object({ fields: z.array(z.object({ name: z.string() })).default([]) }).default({ fields: [] }),
});

/** Looks at the dataset and its table of callbacks. The client is loaded at the first call. */
export class BigQueryChecks implements WarehouseChecks {
  readonly #api: BigQueryApi;
  readonly #dataset: string;

  constructor(options: BigQueryOptions) {
    this.#api = new BigQueryApi(options);
    this.#dataset = options.dataset;
  }

  async datasetLocation(signal: AbortSignal): Promise<string | undefined> {
    return (await this.#api.call("GET", `/datasets/${this.#dataset}`, DatasetSchema, signal))?.location;
  }

  async missingCallbackColumns(table: string, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const path = `/datasets/${this.#dataset}/tables/${table}`;
    const found = await this.#api.call("GET", path, TableSchema, signal);
    if (!found) return undefined;
    const names = found.schema.fields.map(({ name }) => name.toLowerCase());
    return archiveColumns.filter((column) => !names.includes(column));
  }
}
