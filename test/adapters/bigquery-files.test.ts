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

test("a word that is text in one column and no value in another is refused with the remedy", async () => {
  const { load, file } = await start();
  const uri = await file("a.csv", "id,sex,n\n1,NA,NA\n2,f,5\n");
  await expect(load(uri)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/"NA" is in text columns and in others.*nullValues: \["NA"\]/),
  });
  expect(await load(uri, {}, { csv: { nullValues: ["NA"] } })).toMatchObject({ rows: 2 });
});

test("names that BigQuery lacks the characters for get underscores; two that become one are refused", async () => {
  const { loadText, rows } = await start();
  await loadText("id,price (CHF)\n1,2\n");
  expect(await rows("SELECT * FROM orders")).toEqual([{ id: 1, "price _CHF_": 2 }]);
  await expect(loadText("a.b,a/b\n1,2\n", { table: "twins" })).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/would become "a_b"/),
  });
  await expect(loadText('id,"unit\nprice"\n1,2\n', { table: "spread" })).rejects.toMatchObject({
    message: expect.stringMatching(/runs over several lines/),
  });
});

test("columns in another order are found by their names, unless they have none that BigQuery knows", async () => {
  const { loadText, rows } = await start();
  await loadText("id,\n1,x\n");
  await loadText("id,\n2,y\n");
  await expect(loadText("column_2,id\nz,3\n")).resolves.toMatchObject({ tableRows: 3 });
  await loadText("id,column_1\n1,x\n", { table: "other" });
  await expect(loadText(",id\nz,3\n", { table: "other" })).rejects.toMatchObject({ code: "TABLE_MISMATCH" });
  expect(await rows("SELECT column_2 AS c FROM orders ORDER BY id")).toEqual([
    { c: "x" },
    { c: "y" },
    { c: "z" },
  ]);
});
