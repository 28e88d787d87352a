import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { columns } from "../core/files/columns.ts";
import { makeWarehouse } from "./duckdb-harness.ts";

const types = (column: string) => `SELECT DISTINCT typeof(${column}) AS type FROM orders`;

test.each([
  ["a leading zero", "02215"],
  ["a plus sign", "+41791234567"],
  ["more digits than an integer has", "12345678901234567890"],
])("one code with %s among numbers makes the column text, and stays as it is", async (_, code) => {
  const { loadText, rows } = await makeWarehouse();
  const numbers = Array.from({ length: 300 }, (__, index) => 27_000 + index);
  await loadText(`zip\n${[...numbers, code].join("\n")}\n`);
  expect(await rows(`SELECT zip FROM orders WHERE zip = '${code}'`)).toEqual([{ zip: code }]);
});

test.each([
  ["n\n1\n", "02215", /"02215" is not an integer/],
  ["n\n1\n", "1_000", /"1_000" is not an integer/],
  ["n\n1.5\n", "007", /"007" is not a decimal/],
  ["n\n1.5\n", "12345678901234567890", /is not a decimal/],
  ["n\ntrue\n", "1", /"1" is not a boolean/],
  ["n\ntrue\n", "t", /"t" is not a boolean/],
  ["n\n2026-10-01 10:00:00\n", "2026-10-01 10:00:00.1234567", /is not a timestamp/],
])(
  "a table made by %j does not take %s, which would be another value in it",
  async (first, value, message) => {
    const { loadText, rows } = await makeWarehouse();
    await loadText(first);
    await expect(loadText(`n\n${first.split("\n")[1]}\n${value}\n`)).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(message),
    });
    expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 1 }]);
  },
);

test("whole numbers and days that a program wrote as fractions and times go into their table", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText("n,day\n1,2026-10-01\n");
  await loadText("n,day\n2.0,2026-10-02 00:00:00\n");
  expect(await rows("SELECT n, day FROM orders ORDER BY n")).toEqual([
    { n: 1, day: "2026-10-01" },
    { n: 2, day: "2026-10-02" },
  ]);
});

const object = (text: string) => `{"id":1,"o":${text}}\n`;

test.each([
  ["a field inside an object", '{"a":1}', '{"a":1,"b":2}', "TABLE_MISMATCH", /not in the table: o\.b/],
  ["a field inside a list", '[{"a":1}]', '[{"a":1,"b":2}]', "TABLE_MISMATCH", /not in the table: o\.b/],
  ["a fraction inside an object", '{"a":1}', '{"a":1.5}', "FILE_UNREADABLE", /line 1, column "o"/],
  ["a code inside a list", "[1]", '["007"]', "FILE_UNREADABLE", /line 1, column "o"/],
])("%s that the table has no place for is refused, not lost", async (_, first, second, code, message) => {
  const { file, load, rows } = await makeWarehouse();
  await load(await file("a.jsonl", object(first)), {}, { format: "jsonl" });
  const loading = load(await file("b.jsonl", object(second)), {}, { format: "jsonl" });
  await expect(loading).rejects.toMatchObject({
    code,
    retryable: false,
    message: expect.stringMatching(message),
  });
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 1 }]);
});

test("objects with fewer fields, or others in another order, go into their table", async () => {
  const { file, load, rows } = await makeWarehouse();
  await load(await file("a.jsonl", object('{"a":1,"b":"x"}')), {}, { format: "jsonl" });
  await load(await file("b.jsonl", object('{"b":"y"}')), {}, { format: "jsonl" });
  await load(await file("c.jsonl", object('{"b":"z","a":3}')), {}, { format: "jsonl" });
  expect(await rows("SELECT o FROM orders")).toEqual([
    { o: { a: 1, b: "x" } },
    { o: { a: null, b: "y" } },
    { o: { a: 3, b: "z" } },
  ]);
});

test("texts of JSON stay as they are: ids, times of the day, and times that go into text", async () => {
  const { file, load, rows } = await makeWarehouse();
  const id = "1B4E28BA-2FA1-11D2-883F-0016D3CCA427";
  const text = (at: string) => `{"id":"${id}","time":"10:11:12","at":${at},"o":{"id":"${id}","at":${at}}}\n`;
  await load(await file("a.jsonl", text('"soon"')), {}, { format: "jsonl" });
  await load(await file("b.jsonl", text('"2026-10-01T10:00:00Z"')), {}, { format: "jsonl" });
  const at = "2026-10-01T10:00:00Z";
  expect(await rows(`SELECT * FROM orders WHERE "at" <> 'soon'`)).toEqual([
    { id, time: "10:11:12", at, o: { id, at } },
  ]);
});

test("objects with a key each are objects, however many there are", async () => {
  const { file, load, rows } = await makeWarehouse();
  const lines = Array.from({ length: 30 }, (_, index) => `{"m":{"k${index}":${index}}}`).join("\n");
  await load(await file("a.jsonl", lines), {}, { format: "jsonl" });
  expect(await rows("SELECT m.k7 AS k FROM orders WHERE m.k7 IS NOT NULL")).toEqual([{ k: 7 }]);
});

test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
  "a column may be called %s, in a CSV file, in JSON and in rows",
  async (name) => {
    const { file, load, loadText, rows } = await makeWarehouse();
    await loadText(`id,${name}\n1,2\n`);
    await load(await file("a.jsonl", `{"id":2,"${name}":3}\n`), {}, { format: "jsonl" });
    const found = await rows("FROM orders ORDER BY id");
    expect(found.map((row) => JSON.stringify(row))).toEqual([`{"id":1,"${name}":2}`, `{"id":2,"${name}":3}`]);
  },
);

test("keys that differ only in case are refused by name", async () => {
  const { file, load } = await makeWarehouse();
  for (const text of ['{"a":1,"A":2}\n', '{"m":{"a":1,"A":2}}\n'])
    await expect(load(await file("a.jsonl", text), {}, { format: "jsonl" })).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(/case/),
    });
  await load(await file("b.jsonl", '{"a":1,"a_1":2}\n'), {}, { format: "jsonl" });
});

const numbers = "id,n\n1,10\n2,20\n";

test.each([
  ["gzip", "a.csv", gzipSync(numbers), "csv"],
  ["gzip in two parts", "a.csv.gz", Buffer.concat([gzipSync("id,n\n1,10\n"), gzipSync("2,20\n")]), "csv"],
  ["UTF-16 with its mark", "a.csv", Buffer.from(`\uFEFF${numbers}`, "utf16le"), "csv"],
  ["UTF-16, the other way round", "a.csv", Buffer.from(`\uFEFF${numbers}`, "utf16le").swap16(), "csv"],
  ["JSON lines with a byte order mark", "a.jsonl", '\uFEFF{"id":1,"n":10}\n{"id":2,"n":20}\n', "jsonl"],
  ["JSON lines in gzip", "a.jsonl", gzipSync('{"id":1,"n":10}\n{"id":2,"n":20}\n'), "jsonl"],
] as const)("%s is read", async (_, name, content, format) => {
  const { file, load, rows } = await makeWarehouse();
  expect(await load(await file(name, content), {}, { format })).toMatchObject({ rows: 2 });
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, n: 10 },
    { id: 2, n: 20 },
  ]);
});

test("a header that runs over several lines, in a file with other line ends in its cells", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText('\uFEFFid,"unit\nprice"\r\n1,"first\nsecond"\r\n2,plain\r\n');
  expect(await rows('SELECT id, "unit price" AS price FROM orders ORDER BY id')).toEqual([
    { id: 1, price: "first\nsecond" },
    { id: 2, price: "plain" },
  ]);
});

test("a cell of several MB is read; one beyond the limit is refused with the reason", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText(`id,t\n1,"${"x".repeat(3_000_000)}"\n`);
  expect(await rows("SELECT length(t) AS n FROM orders")).toEqual([{ n: 3_000_000 }]);
  await expect(loadText(`id,t\n1,a\n2,"${"x".repeat(17 * 1024 * 1024)}"\n`)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/^file-1\.csv, line 3: the row is longer than the maximum size of 16 MiB/),
  });
});

test("a wide file is asked about in parts, and loads with the type of each column", async () => {
  const { loadText, rows } = await makeWarehouse();
  const columns = Array.from({ length: 300 }, (_, index) => `c${index}`);
  await loadText(`${columns.join(",")}\n${columns.map((_, index) => (index % 2 ? "x" : index)).join(",")}\n`);
  expect(await rows("SELECT typeof(c298) AS even, typeof(c299) AS odd FROM orders")).toEqual([
    { even: "BIGINT", odd: "VARCHAR" },
  ]);
});

test("missing values of many words keep the order of the rows", async () => {
  const { loadText, rows } = await makeWarehouse();
  const lines = Array.from({ length: 300_000 }, (_, index) => (index % 1_000 === 7 ? "NA" : index));
  await loadText(`n\n${lines.join("\n")}\n`);
  expect(await rows("SELECT count(*) AS n FROM orders WHERE n <> rowid")).toEqual([{ n: 0 }]);
  expect(await rows(types("n"))).toEqual([{ type: "BIGINT" }]);
});

test.each([
  ["a spreadsheet", Buffer.from("PK\u0003\u0004\u0000rest"), /ZIP archive or a spreadsheet/],
  ["UTF-16 without its mark", Buffer.from("id,n\n1,2\n", "utf16le"), /UTF-16 without a byte order mark/],
  ["gzip that is cut off", gzipSync("id,n\n1,2\n").subarray(0, 20), /damaged or cut off/],
  ["one divided by a colon", Buffer.from("id:n\n1:2\n3:4\n"), /divided by ":".*delimiter of loadFile/],
])("%s is refused in our own words", async (_, content, message) => {
  const { file, load } = await makeWarehouse();
  await expect(load(await file("a.csv", content))).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(message),
  });
});

/** `id` 1 and `price` 1.5, a DECIMAL(50, 4), as pyarrow writes it. */
const wideDecimal =
  "UEFSMRUEFRAVEEwVAhUAEgAAAQAAAAAAAAAVABUSFRIsFQIVEBUGFQYcAAAAAgAAAAIBAQIAFQQVKhUqTBUCFQASAAAAAAAAAAAAAAAAAAAAAAAAAAAAOpgVABUSFRIsFQIVEBUGFQYcAAAAAgAAAAIBAQIAFQQZPDUAGAZzY2hlbWEVBAAVBCUCGAJpZAAVDhUqFQIYBXByaWNlJQoVCBVkLFwVCBVkAAAAFgIZHBksJgAcFQQZNQAGEBkYAmlkFQAWAhZkFmQmNCYIKSwVBBUAFQIAFQAVEBUCADwpBhkmAAIAAAAmABwVDhk1AAYQGRgFcHJpY2UVABYCFn4WfiayASZsKSwVBBUAFQIAFQAVEBUCADwpBhkmAAIAAAAW4gEWAiYIFuIBACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZLBwAABwAAADgAAAAUEFSMQ==";

test("a Parquet file whose decimals DuckDB reads wrongly is refused, by column", async () => {
  const { file, load } = await makeWarehouse();
  const uri = await file("a.parquet", Buffer.from(wideDecimal, "base64"));
  await expect(load(uri, {}, { format: "parquet" })).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(
      /column "price" is a DECIMAL\(50, 4\).*38 digits here; write it with fewer/,
    ),
  });
});

const typesOfKinds = {
  boolean: "BOOLEAN",
  integer: "BIGINT",
  decimal: "DOUBLE",
  date: "DATE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
  text: "VARCHAR",
};

test("SQL finds the same kinds of columns as the rules in code", async () => {
  const { loadText, rows } = await makeWarehouse();
  const most = Math.max(...columns.map(([, cells]) => cells.length));
  const lines = Array.from({ length: most }, (_, row) =>
    columns.map(([, cells]) => `"${cells[row] ?? cells[0]}"`),
  );
  await loadText(
    [columns.map((_, index) => `c${index}`), ...lines].map((cells) => cells.join(",")).join("\n"),
  );
  const found = columns.map((_, index) => `typeof(c${index}) AS c${index}`).join(", ");
  expect(await rows(`SELECT ${found} FROM orders LIMIT 1`)).toEqual([
    Object.fromEntries(columns.map(([kind], index) => [`c${index}`, typesOfKinds[kind]])),
  ]);
});
