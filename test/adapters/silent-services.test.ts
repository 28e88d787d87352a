import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import * as z from "zod";
import { BigQueryApi } from "../../src/adapters/bigquery/api.ts";
import { CloudObjectStore } from "../../src/adapters/storage/object-store.ts";
import { noFaults } from "../servers/kit/faults.ts";
import { serveTestHttp } from "../servers/kit/http-server.ts";
import { crc32c } from "../servers/storage/crc32c.ts";

const { signal } = new AbortController();
const object = { bucket: "bucket", object: "a" };

/** Takes requests, and answers none. */
async function silent(): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0;
  const handle = () => {
    asked += 1;
    return Promise.withResolvers<never>().promise;
  };
  const server = await serveTestHttp({ service: "silent", faults: noFaults, handle });
  onTestFinished(() => server.close());
  return { url: server.url, asked: () => asked };
}

function storeAt(apiEndpoint: string, timeoutMs: number): CloudObjectStore {
  return new CloudObjectStore({ projectId: "p", buckets: {}, apiEndpoint, timeoutMs });
}

test.each([
  ["a look", (store: CloudObjectStore) => store.stat(object)],
  ["a download", (store: CloudObjectStore) => store.read(object)],
  ["an upload", (store: CloudObjectStore) => store.write(object, new Uint8Array(1), "text/plain")],
])("%s that Cloud Storage does not answer is given up", async (_, call) => {
  const { url } = await silent();
  await expect(call(storeAt(url, 20))).rejects.toMatchObject({
    code: "OBJECTS_UNAVAILABLE",
    message: expect.stringContaining("20 ms"),
  });
});

test("a download may take longer than that, as long as it makes progress", async () => {
  const pieces = ["all ", "of ", "it ", "comes ", "late"];
  const server = createServer(async (_request, response) => {
    response.setHeader("x-goog-hash", `crc32c=${crc32c(Buffer.from(pieces.join("")))}`);
    for (const piece of pieces) {
      response.write(piece);
      await sleep(500);
    }
    response.end();
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const content = await storeAt(`http://127.0.0.1:${port}`, 1_500).read(object);
  expect(Buffer.from(content).toString()).toBe(pieces.join(""));
});

test("what BigQuery does not answer is asked for again, and given up in the end", async () => {
  const { url, asked } = await silent();
  const api = new BigQueryApi({ projectId: "p", dataset: "d", apiEndpoint: url, requestMs: 20 });
  await expect(api.call("GET", "/datasets/d", z.unknown(), signal)).rejects.toMatchObject({
    code: "WAREHOUSE_FAILED",
    retryable: true,
    message: expect.stringContaining("20 ms"),
  });
  expect(asked()).toBeGreaterThan(1);
});
