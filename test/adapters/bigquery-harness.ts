import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import * as z from "zod";
import type { BigQueryOptions } from "../../src/adapters/bigquery/api.ts";
import { BigQueryWarehouse } from "../../src/adapters/bigquery/bigquery-warehouse.ts";
import { WarehouseCallbackArchive } from "../../src/adapters/callback-archive/archive.ts";
import { startBigQueryServer } from "../servers/bigquery/index.ts";

/**
 * Another server, when one is named from outside: the contracts are tried on it. It reads files where
 * `STORAGE_EMULATOR_HOST` says.
 */
const foreignBigQuery = process.env.BIGQUERY_EMULATOR_HOST;

/**
 * A warehouse, for a contract: at the server that is named from outside, in a dataset of its own, or at one of ours.
 */
export async function contractBigQuery() {
  if (foreignBigQuery === undefined) return makeBigQuery();
  const storage = process.env.STORAGE_EMULATOR_HOST;
  if (storage === undefined)
    throw new Error("Name STORAGE_EMULATOR_HOST too, where BigQuery reads its files");
  const bucket = `baton-${randomUUID()}`;
  const post = async (path: string, type: string, body: BodyInit) => {
    const response = await fetch(storage + path, { method: "POST", headers: { "content-type": type }, body });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  };
  await post("/storage/v1/b?project=test", "application/json", JSON.stringify({ name: bucket }));
  const dataset = `baton_${randomUUID().replaceAll("-", "_")}`;
  const all = { projectId: process.env.BATON_PROJECT ?? "test", dataset, apiEndpoint: foreignBigQuery };
  return {
    warehouse: new BigQueryWarehouse(all),
    archive: () => new WarehouseCallbackArchive(new BigQueryWarehouse(all)),
    kinds: (table: string) =>
      kindsOf(`${foreignBigQuery}/bigquery/v2/projects/${all.projectId}/datasets/${dataset}`, table),
    async file(name: string, content: string | Uint8Array): Promise<string> {
      const path = `/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`;
      await post(path, "application/octet-stream", Buffer.from(content));
      return `gs://${bucket}/${name}`;
    },
  };
}

/** A warehouse at a server of its own that ends with the test. */
export async function makeBigQuery(options: Partial<BigQueryOptions> = {}) {
  const objects = new Map<string, Uint8Array>();
  const server = await startBigQueryServer({ objects: async (uri) => objects.get(uri) });
  onTestFinished(() => server.close());
  const all = { projectId: "test", dataset: "baton", apiEndpoint: server.url, ...options };
  /** Another process, from BigQuery's point of view. */
  const another = (more: Partial<BigQueryOptions> = {}) => new BigQueryWarehouse({ ...all, ...more });
  const archive = () => new WarehouseCallbackArchive(new BigQueryWarehouse(all));
  async function file(name: string, content: string | Uint8Array): Promise<string> {
    const uri = `gs://inbox/${name}`;
    objects.set(uri, Buffer.from(content));
    return uri;
  }
  const kinds = (table: string) =>
    kindsOf(`${server.url}/bigquery/v2/projects/${all.projectId}/datasets/${all.dataset}`, table);
  return { server, file, another, archive, kinds, warehouse: another() };
}

const TableSchema = z.object({
  schema: z.object({ fields: z.array(z.object({ type: z.string(), mode: z.string().optional() })) }),
});
const kindNames: Readonly<Record<string, string>> = {
  BOOL: "boolean",
  BOOLEAN: "boolean",
  INT64: "integer",
  INTEGER: "integer",
  FLOAT64: "decimal",
  FLOAT: "decimal",
  DATE: "date",
  TIMESTAMP: "timestamp",
  STRING: "text",
  JSON: "json",
  RECORD: "object",
};

async function kindsOf(dataset: string, table: string): Promise<readonly string[]> {
  const { schema } = TableSchema.parse(await (await fetch(`${dataset}/tables/${table}`)).json());
  return schema.fields.map(({ type, mode }) => (mode === "REPEATED" ? "list" : (kindNames[type] ?? type)));
}
