import { createReadStream, existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { withCopy } from "../../src/adapters/duckdb/file-text.ts";
import { decompress } from "../../src/core/files/decompress.ts";
import { FileProblem } from "../../src/core/files/file-problem.ts";
import { makeWarehouse } from "./duckdb-harness.ts";

const lines = (count: number, line: (index: number) => string) =>
  `id,name,n\n${Array.from({ length: count }, (_, index) => line(index)).join("\n")}\n`;

test.each([
  ["too few columns", "id,name,n\n1,a,2\n2,b,3\n3,c\n4,d,5\n", /line 4: it has 2 columns.*has 3; "n"/],
  ["too many columns", "id,name,n\n1,a,2\n2,b,3,4\n", /line 3: it has 4 columns where the header has 3/],
  ["broken row before good ones", "id,name,n\n1\n2,b,3\n3,c,4\n", /line 2: it has 1 column where/],
  ["an open quote", 'id,name,n\n1,a,2\n2,"b,3\n3,c,4\n', /line 3: a quoted cell/],
  ["text after a quote", 'id,name,n\n1,"a"b,2\n', /line 2: a quoted cell/],
  ["line breaks in cells before it", 'id,name,n\n1,"a\nb",2\n\n2,b\n', /line 5: it has 2 columns/],
  ["a name twice", "id,n,ID\n1,a,2\n", /line 1: column "ID" appears twice/],
])("a CSV file with %s is refused, naming the line", async (_, text, message) => {
  const { loadText, rows } = await makeWarehouse();
  await expect(loadText(text)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    retryable: false,
    message: expect.stringMatching(message),
  });
  expect(await rows("SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = 'orders'")).toEqual([
    { n: 0 },
  ]);
});

test("text that is not UTF-8 is refused, naming the line", async () => {
  const { file, load } = await makeWarehouse();
  const uri = await file("a.csv", Buffer.concat([Buffer.from("id,n\n1,a\n2,"), Buffer.from([0xfc, 0x0a])]));
  await expect(load(uri)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/line 3/),
  });
});

test("a bad value late in a large file is refused with line, column and value", async () => {
  const { loadText } = await makeWarehouse();
  const text = lines(40_000, (index) => `${index},"x${index}",${index === 35_000 ? "oops" : index}`);
  await expect(loadText(text)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/line 35002, column "n": "oops" is not an integer/),
  });
});

test("one bad value among hundreds is a mistake, not a column of text", async () => {
  const { loadText } = await makeWarehouse();
  const text = lines(500, (index) => `${index},"x\n${index}",${index === 16 ? "1,5" : "2.5"}`);
  await expect(loadText(text.replace(",1,5", ',"1,5"'))).rejects.toMatchObject({
    message: expect.stringMatching(/line 34, column "n": "1,5" is not a decimal/),
  });
});

test("a first fraction or letter late in a large file is not a mistake when the whole column agrees", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText(
    lines(30_000, (index) => `${index},${index % 2 ? "a" : "1"},${index > 29_000 ? "1.5" : "1"}`),
  );
  expect(await rows("SELECT typeof(name) AS name, typeof(n) AS n FROM orders LIMIT 1")).toEqual([
    { name: "VARCHAR", n: "DOUBLE" },
  ]);
});

test.each([
  ["1.5", "id,n\n1,2\n", /line 3, column "n": "1.5" is not an integer \(the type of the table\)/],
  ["maybe", "id,n\n1,true\n", /"maybe" is not a boolean/],
  ["2026-10-01 10:00:00", "id,n\n1,2026-10-01\n", /is not a date/],
  ["2026-02-30", "id,n\n1,2026-10-01\n", /"2026-02-30" is not a date/],
])("%s does not go into a table of another type, and is not rounded", async (value, first, message) => {
  const { loadText } = await makeWarehouse();
  await loadText(first);
  const ok = first.split("\n")[1];
  await expect(loadText(`id,n\n${ok}\n2,${value}\n`)).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(message),
  });
});

test.each([
  ['{"id":1}\n\n{"id":oops}\n', /line 3: this is not JSON/],
  ['{"id":1}\n[2]\n', /line 2: this is an array; it has to be one JSON object/],
])("broken JSON lines are refused, naming the line", async (text, message) => {
  const { file, load } = await makeWarehouse();
  const uri = await file("a.jsonl", text);
  await expect(load(uri, {}, { format: "jsonl" })).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(message),
  });
});

test("a JSON value that its column can't hold is refused, naming the line", async () => {
  const { file, load, loadText } = await makeWarehouse();
  await loadText("id\n1\n");
  const uri = await file("a.jsonl", '{"id":1}\n\n{"id":"\\"x"}\n');
  await expect(load(uri, {}, { format: "jsonl" })).rejects.toMatchObject({
    message: expect.stringMatching(/line 3, column "id"/),
  });
});

test.each(["", "\n\n", "id,name\n", "id,name"])("a file of %j is FILE_EMPTY", async (text) => {
  const { loadText } = await makeWarehouse();
  await expect(loadText(text)).rejects.toMatchObject({ code: "FILE_EMPTY", retryable: false });
});

test("a packed file is unpacked up to a limit, and no copy of it is left", async () => {
  const { file } = await makeWarehouse();
  const path = fileURLToPath(await file("a.csv", gzipSync(`id\n${"0\n".repeat(100_000)}`)));
  const copied = await withCopy(decompress(createReadStream(path), 200_003), async (copy) => copy);
  expect(existsSync(copied)).toBe(false);
  const refused = withCopy(decompress(createReadStream(path), 200_002), async () => undefined);
  await expect(refused).rejects.toThrow(/larger than .* GiB when it is unpacked; split it/);
  await expect(refused).rejects.toBeInstanceOf(FileProblem);
});

test("a missing file is FILE_MISSING, and other addresses are refused", async () => {
  const { folder, load } = await makeWarehouse();
  const uri = pathToFileURL(`${folder}/nowhere.csv`).href;
  await expect(load(uri)).rejects.toMatchObject({ code: "FILE_MISSING", retryable: false });
  await expect(load("gs://bucket/a.csv")).rejects.toMatchObject({ code: "TASK_PARAMETERS_INVALID" });
});

test("a file that is not Parquet is FILE_UNREADABLE", async () => {
  const { file, load } = await makeWarehouse();
  const uri = await file("a.parquet", "PAR1 nonsense PAR1");
  await expect(load(uri, {}, { format: "parquet" })).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
});
