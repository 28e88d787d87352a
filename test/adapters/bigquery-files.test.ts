import { expect, test } from "vitest";
import { shorthand } from "../contract/warehouse-contract-shorthand.ts";
import { serveTestHttp } from "../servers/kit/http-server.ts";
import { makeBigQuery } from "./bigquery-harness.ts";

async function start(options: Parameters<typeof makeBigQuery>[0] = {}) {
  const made = await makeBigQuery(options);
  return { ...made, ...shorthand(made) };
}

/** Something that answers where Cloud Storage should. */
async function storageThat(status: number, body: unknown) {
  const server = await serveTestHttp({
    service: "storage",
    faults: () => undefined,
    handle: () => ({ status, body }),
  });
  return { ...(await start({ storageEndpoint: server.url })), close: () => server.close() };
}

test.each([
  [200, Buffer.from("<html>Sign in</html>"), "WAREHOUSE_FAILED", true],
  [503, { error: { code: 503, message: "later" } }, "WAREHOUSE_FAILED", true],
  [403, { error: { code: 403, message: "no storage.objects.get" } }, "WAREHOUSE_DENIED", false],
  [404, { error: { code: 404, message: "No such object" } }, "FILE_MISSING", false],
])(
  "an answer of %i that is not the content of the file is no file",
  async (status, body, code, retryable) => {
    const { load, file, close, server } = await storageThat(status, body);
    await expect(load(await file("a.csv", "id\n1\n"))).rejects.toMatchObject({ code, retryable });
    expect(server.jobs()).toEqual([]);
    await close();
  },
);

test("the job states what BigQuery would guess", async () => {
  const { server, loadText } = await start();
  await loadText("id|name|n\n1|a|NA\n2|b|5\n");
  expect(server.jobs()[0]?.configuration.load).toMatchObject({
    autodetect: false,
    fieldDelimiter: "|",
    skipLeadingRows: 1,
    nullMarkers: ["", "NA"],
    schema: {
      fields: [
        { name: "id", type: "INT64" },
        { name: "name", type: "STRING" },
        { name: "n", type: "INT64" },
      ],
    },
  });
});

test("a file that BigQuery would read in another way is uploaded in the standard form", async () => {
  const { server, loadText, rows } = await start();
  await loadText("id,sex,n\n1,NA,NA\n2,f,5\n");
  expect(server.jobs()[0]?.configuration.load).toMatchObject({ sourceFormat: "CSV", fieldDelimiter: "," });
  expect(server.jobs()[0]?.configuration.load).not.toHaveProperty("sourceUris");
  expect(await rows("SELECT * FROM orders ORDER BY id")).toEqual([
    { id: 1, sex: "NA", n: null },
    { id: 2, sex: "f", n: 5 },
  ]);
});

test("a file that is replaced while it is loaded adds no rows, and the next attempt loads the new one", async () => {
  const { server, file, load, rows } = await start();
  await load(await file("a.csv", "id\n1\n"));
  server.holdJobs();
  const uri = await file("b.csv", "id\n2\n");
  const loading = load(uri, {}, { jobId: "b", attempt: "1" });
  await expect.poll(() => server.jobs().length).toBe(3);
  await file("b.csv", "id\n3\n");
  server.releaseJobs();
  await expect(loading).rejects.toMatchObject({ code: "FILE_CHANGED", retryable: true });
  expect(await rows("SELECT id FROM orders")).toEqual([{ id: 1 }]);
  await load(uri, {}, { jobId: "b", attempt: "2" });
  expect(await rows("SELECT id FROM orders ORDER BY id")).toEqual([{ id: 1 }, { id: 3 }]);
});

test("a partitioned table gets rows through a staging table with the same partitions", async () => {
  const { server, warehouse, loadText } = await start();
  const columns = [
    { name: "id", type: "text" },
    { name: "at", type: "timestamp" },
  ] as const;
  await warehouse.createTable("orders", { columns, partitionBy: "at", clusterBy: ["id"] });
  await loadText("id,at\nx,2026-10-31 10:30:00Z\n");
  expect(server.jobs()[0]?.configuration.load).toMatchObject({
    timePartitioning: { type: "DAY", field: "at" },
    clustering: { fields: ["id"] },
  });
});

test("a file that is replaced between its two reads is not uploaded", async () => {
  const { server, file, load, rows } = await start();
  const uri = await file("a.csv", "id;n\n1;1,5\n");
  const options = { options: { decimal: "," } } as const;
  let isReplaced = false;
  server.setFaults(({ method }) => {
    if (method.startsWith("POST /upload/") && !isReplaced) {
      isReplaced = true;
      void file("a.csv", "id;n\n2;2,5\n");
    }
    return undefined;
  });
  const loading = load(uri, {}, { jobId: "a", attempt: "1", ...options });
  await expect(loading).rejects.toMatchObject({ code: "FILE_CHANGED", retryable: true });
  expect(server.jobs()).toEqual([]);
  await load(uri, {}, { jobId: "a", attempt: "2", ...options });
  expect(await rows("SELECT * FROM orders")).toEqual([{ id: 2, n: 2.5 }]);
});
