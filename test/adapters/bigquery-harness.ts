import { onTestFinished } from "vitest";
import { BigQueryCallbackArchive } from "../../src/adapters/bigquery/callback-archive.ts";
import type { BigQueryOptions } from "../../src/adapters/bigquery/options.ts";
import { BigQueryWarehouse } from "../../src/adapters/bigquery/warehouse.ts";
import { startBigQueryServer } from "../servers/bigquery/index.ts";

/** A warehouse at a server of its own that ends with the test. */
export async function makeBigQuery(options: Partial<BigQueryOptions> = {}) {
  const objects = new Map<string, Uint8Array>();
  const server = await startBigQueryServer({ objects: async (uri) => objects.get(uri) });
  onTestFinished(() => server.close());
  const all = { projectId: "test", dataset: "baton", apiEndpoint: server.url, ...options };
  /** Another process, as far as BigQuery can tell. */
  const another = (more: Partial<BigQueryOptions> = {}) => new BigQueryWarehouse({ ...all, ...more });
  const archive = () => new BigQueryCallbackArchive(all);
  async function file(name: string, content: string | Uint8Array): Promise<string> {
    const uri = `gs://inbox/${name}`;
    objects.set(uri, Buffer.from(content));
    return uri;
  }
  return { server, file, another, archive, warehouse: another() };
}
