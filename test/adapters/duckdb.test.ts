import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { makeWarehouse, never } from "./duckdb-harness.ts";

const merge = { mode: "merge", key: ["id"] } as const;

test("a CSV file is loaded with its types, quoted commas, quotes, line breaks, empty cells and UTF-8", async () => {
  const { loadText, rows } = await makeWarehouse();
  const result = await loadText(
    'id,at,day,name,city,price,paid,zip\n1,2026-10-01 10:30:00,2026-10-01,"Müller, Söhne & Co.",東京,1.50,true,01067\n' +
      '2,2026-10-02T11:00:00+02:00,2026-10-02,"Bar ""Zoë""\nÑandú",,,false,99999\n',
  );
  expect(result).toEqual({ table: "orders", rows: 2, tableRows: 2 });
  expect(await rows("SELECT *, typeof(price) AS t FROM orders ORDER BY id")).toEqual([
    {
      id: 1,
      at: "2026-10-01T10:30:00.000Z",
      day: "2026-10-01",
      name: "Müller, Söhne & Co.",
      city: "東京",
      price: 1.5,
      paid: true,
      zip: "01067",
      t: "DOUBLE",
    },
    {
      id: 2,
      at: "2026-10-02T09:00:00.000Z",
      day: "2026-10-02",
      name: 'Bar "Zoë"\nÑandú',
      city: null,
      price: null,
      paid: false,
      zip: "99999",
      t: "DOUBLE",
    },
  ]);
});

test("semicolons, a byte order mark, CRLF, blank lines and a missing last line end are understood", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText('\uFEFFid;name\r\n1;"a;b"\r\n\r\n2;c,d');
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, name: "a;b" },
    { id: 2, name: "c,d" },
  ]);
});

test("append adds by name of column, in any order and case", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText("id,name\n1,a\n");
  expect(await loadText("Name,ID\nb,2\n")).toEqual({ table: "orders", rows: 1, tableRows: 2 });
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, name: "a" },
    { id: 2, name: "b" },
  ]);
});

test("columns that do not fit the table are named, and nothing is loaded", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText("id,name\n1,a\n");
  await expect(loadText("id,discount\n2,3\n")).rejects.toMatchObject({
    code: "TABLE_MISMATCH",
    retryable: false,
    message: expect.stringMatching(/discount.*name/),
  });
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 1 }]);
});

test("replace takes the new file's rows and columns, or leaves the table as it was", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText("id,name\n1,a\n2,b\n");
  await expect(loadText("id,x\n5\n", { mode: "replace" })).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 2 }]);
  await loadText("id,other\n9,z\n", { mode: "replace" });
  expect(await rows("FROM orders")).toEqual([{ id: 9, other: "z" }]);
});

test("merge updates and inserts by key; of rows with the same key the later in the file wins", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText("id,n\n1,10\n2,20\n", merge);
  const result = await loadText("id,n\n3,30\n2,21\n3,31\n2,22\n", merge);
  expect(result).toEqual({ table: "orders", rows: 4, tableRows: 3 });
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, n: 10 },
    { id: 2, n: 22 },
    { id: 3, n: 31 },
  ]);
});

test("merge keeps the order of a large file, and works when every column is key", async () => {
  const { loadText, rows } = await makeWarehouse();
  const lines = Array.from({ length: 300_000 }, (_, index) => `${index % 1_000},${index}`);
  await loadText(`id,n\n${lines.join("\n")}\n`, merge);
  expect(await rows("SELECT count(*) AS n, min(n) AS least FROM orders")).toEqual([
    { n: 1_000, least: 299_000 },
  ]);
  expect((await loadText("id\n1\n1\n2\n", { table: "ids", ...merge })).tableRows).toBe(2);
});

test("merge by a column the file lacks is TABLE_MISMATCH; an empty key is FILE_UNREADABLE", async () => {
  const { loadText } = await makeWarehouse();
  const lacking = loadText("a,b\n1,2\n", merge);
  await expect(lacking).rejects.toMatchObject({
    code: "TABLE_MISMATCH",
    message: expect.stringContaining("id"),
  });
  await expect(loadText('id,b\n1,"x\ny"\n\n,2\n', merge)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringContaining("line 5"),
  });
});

test("the same job id is done once, also when it is asked for twice at once", async () => {
  const { file, load, rows } = await makeWarehouse();
  const uri = await file("a.csv", "id,n\n1,2\n");
  const ask = () => load(uri, {}, { jobId: "same" });
  const results = [...(await Promise.all([ask(), ask()])), await ask()];
  expect(new Set(results.map((result) => JSON.stringify(result)))).toEqual(
    new Set(['{"table":"orders","rows":1,"tableRows":1}']),
  );
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 1 }]);
});

test("a job that failed is tried again under the same id", async () => {
  const { file, load } = await makeWarehouse();
  await expect(load(await file("a.csv", ""), {}, { jobId: "same" })).rejects.toMatchObject({
    code: "FILE_EMPTY",
  });
  expect((await load(await file("a.csv", "id\n1\n"), {}, { jobId: "same" })).rows).toBe(1);
});

test("JSON lines and Parquet are loaded, into a table of other types too", async () => {
  const { folder, file, load, rows, warehouse } = await makeWarehouse();
  const lines = await file("a.jsonl", '{"id":1,"tags":["x"],"o":{"n":1}}\n\n{"id":2,"late":"2026-10-01"}\n');
  expect((await load(lines, {}, { format: "jsonl" })).rows).toBe(2);
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, tags: ["x"], o: { n: 1 }, late: null },
    { id: 2, tags: [], o: null, late: "2026-10-01" },
  ]);
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const connection = await (await DuckDBInstance.create()).connect();
  // A name that DuckDB would take for a pattern, with a neighbour that the pattern would find.
  const path = `${folder}/part=*.parquet`;
  await file("part=2.parquet", "not Parquet");
  await connection.run(`COPY (SELECT 7::INTEGER AS id, 1.25::DECIMAL(6,2) AS price) TO '${path}'`);
  const uri = pathToFileURL(path).href;
  expect((await load(uri, { table: "shop.priced" }, { format: "parquet" })).rows).toBe(1);
  expect((await load(uri, { table: "shop.priced" }, { format: "parquet" })).tableRows).toBe(2);
  expect(await warehouse.rows("SELECT DISTINCT * FROM shop.priced", {}, 9, never)).toEqual([
    { id: 7, price: 1.25 },
  ]);
});
