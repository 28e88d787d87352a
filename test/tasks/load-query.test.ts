import { expect, test } from "vitest";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import type { ObjectName } from "../../src/ports/objects.ts";
import { type LoadFileParameters, loadFile, loadFileType } from "../../src/tasks/load-file.ts";
import { type RunQueryParameters, runQuery, runQueryType } from "../../src/tasks/run-query.ts";
import { makeWarehouse } from "../adapters/duckdb-harness.ts";
import { type Circumstances, runBuiltIn } from "./run-built-in.ts";

async function makeServices() {
  const harness = await makeWarehouse();
  const objects = new FolderObjectStore({ buckets: { inbox: harness.folder } });
  const services = { warehouse: harness.warehouse, objects };
  return {
    ...harness,
    drop: async (object: string, text: string) => {
      await harness.file(object, text);
      const { generation } = await objects.stat({ bucket: "inbox", object });
      return { bucket: "inbox", object, generation };
    },
    load: (parameters: LoadFileParameters, circumstances: Circumstances) =>
      runBuiltIn(loadFileType, loadFile(parameters), services, circumstances),
    query: (parameters: RunQueryParameters, circumstances: Circumstances = {}) =>
      runBuiltIn(runQueryType, runQuery(parameters), services, circumstances),
  };
}

test.each([
  ["a.csv", "id\n1\n"],
  ["a.JSONL", '{"id":1}\n'],
  ["a.ndjson", '{"id":1}\n'],
  ["a.json", '{"id":1}\n'],
  ["a.json.zst", '[{"id":1}]'],
  ["a.csv.gz", "id\n1\n"],
])("the dropped file %s is loaded by its extension, and only once when tried again", async (name, text) => {
  const { drop, load, rows } = await makeServices();
  const input = await drop(name, text);
  const expected = { table: "orders", rows: 1, tableRows: 1 };
  expect(await load({ table: "orders" }, { input })).toEqual(expected);
  expect(await load({ table: "orders" }, { input })).toEqual(expected);
  expect(await rows("FROM orders")).toEqual([{ id: 1 }]);
});

test("a file, format, table and key can be given, as placeholders too", async () => {
  const { drop, load, rows } = await makeServices();
  const first = await drop("orders.txt", "id,n\n1,2\n1,3\n");
  await load(
    { table: "{{ input.table }}", file: "{{ parents.find }}", format: "csv", mode: "merge", key: ["id"] },
    { input: { table: "orders" }, parents: { find: first } },
  );
  expect(await rows("FROM orders")).toEqual([{ id: 1, n: 3 }]);
});

test("a file is read as its options say, also as YAML has them", async () => {
  const { drop, load, rows } = await makeServices();
  const text = "Report\nKonto;Betrag;Tag\n0815;'1.234,50';31.10.2026\n4711;-\n";
  const input = await drop("a.csv.gz", text);
  const options = {
    delimiter: ";",
    quote: "'",
    skipRows: 1,
    decimal: ",",
    dateFormat: "DD.MM.YYYY",
    nullValues: ["-"],
    allowMissing: true,
    encoding: "windows-1252",
    columns: { Betrag: "decimal" },
  } as const;
  await load({ table: "orders", ...options }, { input });
  expect(await rows("FROM orders")).toEqual([
    { Konto: "0815", Betrag: 1234.5, Tag: "2026-10-31" },
    { Konto: "4711", Betrag: null, Tag: null },
  ]);
});

test("a list names the columns of a file without a header, and gives some their types", async () => {
  const { drop, load, rows } = await makeServices();
  const input = await drop("a.csv", "1,2\n");
  const columns = ["id", { name: "name", type: "text" }] as const;
  await load({ table: "orders", header: false, columns }, { input });
  expect(await rows("FROM orders")).toEqual([{ id: 1, name: "2" }]);
});

test("the format json is JSON lines or an array, whatever the name of the file", async () => {
  const { drop, load, rows } = await makeServices();
  const input = await drop("a.dat", '[{"id":1}]');
  await load({ table: "orders", format: "json" }, { input });
  expect(await rows("FROM orders")).toEqual([{ id: 1 }]);
});

test.each<[Partial<LoadFileParameters>, RegExp]>([
  [{ delimiter: ";;" }, /one character of ASCII/],
  [{ delimiter: '"' }, /not a quote/],
  [{ quote: "''" }, /at quote/],
  [{ delimiter: "'", quote: "'" }, /the quote is not the delimiter/],
  [{ decimal: ",", delimiter: "," }, /the decimal comma is not the delimiter/],
  [{ dateFormat: "DD.MM" }, /a date such as DD\.MM\.YYYY/],
  [{ dateFormat: ["YYYY-MM-DD hh:mm"] }, /at dateFormat\[0\]/],
  [{ columns: ["id", "ID"] }, /a column appears twice/],
  [{ header: false, columns: { id: "text" } }, /without a header the columns are a list/],
  [{ skipRows: -1 }, /at skipRows/],
])("the options %j are refused", (options, message) => {
  expect(() => loadFile({ table: "t", ...options })).toThrow(message);
});

test.each([
  ["a.jsonl", '{"id":1}\n', { decimal: "," }, /option decimal is for CSV files; this one is jsonl/],
  ["a.parquet", "PAR1", { encoding: "utf-8" }, /option encoding is for text files; this one is parquet/],
] as const)("an option that %s has not is refused", async (name, text, options, message) => {
  const { drop, load } = await makeServices();
  const input = await drop(name, text);
  await expect(load({ table: "t", ...options }, { input })).rejects.toMatchObject({
    code: "TASK_PARAMETERS_INVALID",
    message: expect.stringMatching(message),
  });
});

test("a file that changed, that is gone, of unknown format, or not named at all is refused", async () => {
  const { drop, load } = await makeServices();
  const input = await drop("a.csv", "id\n1\n");
  await drop("a.csv", "id\n2\n");
  await expect(load({ table: "t" }, { input })).rejects.toMatchObject({ code: "FILE_CHANGED" });
  const gone = { bucket: "inbox", object: "gone.csv" };
  await expect(load({ table: "t", file: gone }, {})).rejects.toMatchObject({ code: "FILE_MISSING" });
  const unknown = await drop("a.xlsx", "id\n1\n");
  await expect(load({ table: "t" }, { input: unknown })).rejects.toMatchObject({
    code: "FILE_FORMAT_UNKNOWN",
    retryable: false,
  });
  await expect(load({ table: "t" }, { input: { day: 1 } })).rejects.toMatchObject({ code: "INPUT_INVALID" });
});

test("a query fills its table with bound parameters, once", async () => {
  const { loadText, query, rows } = await makeServices();
  await loadText("id,n\n1,2\n2,3\n");
  const parameters = {
    sql: "SELECT sum(n) AS n FROM orders WHERE id >= $least",
    into: "total",
    mode: "append",
    parameters: { least: "{{ input.least }}" },
  } as const;
  const expected = { table: "total", rows: 1, tableRows: 1 };
  expect(await query(parameters, { input: { least: 2 } })).toEqual(expected);
  expect(await query(parameters, { input: { least: 2 } })).toEqual(expected);
  expect(await rows("FROM total")).toEqual([{ n: 3 }]);
});

test("mistakes in the parameters show where the workflow is written, all of them", () => {
  const invalid = (message: RegExp) =>
    expect.objectContaining({
      code: "TASK_PARAMETERS_INVALID",
      message: expect.stringMatching(message),
    });
  expect(() => loadFile({ table: "t", mode: "merge" })).toThrow(invalid(/needs the columns of its key/));
  expect(() => loadFile({ table: "t", mode: "merge", key: [] })).toThrow(invalid(/key/));
  expect(() => loadFile({ table: "t", key: ["id"] })).toThrow(invalid(/only mode merge has a key/));
  expect(() => runQuery({ sql: "SELECT 1", into: "t", key: ["id"] })).toThrow(invalid(/only mode merge/));
  expect(() => runQuery({ sql: "", into: "" })).toThrow(invalid(/sql[\s\S]*into/));
});

test("the parameters are kept as they were written, without defaults", () => {
  expect(loadFile({ table: "{{ input.table }}" })).toEqual({
    type: "loadFile",
    with: { table: "{{ input.table }}" },
  });
  expect(runQuery({ sql: { duckdb: "SELECT 1" }, into: "t" })).toEqual({
    type: "runQuery",
    with: { sql: { duckdb: "SELECT 1" }, into: "t" },
  });
});

test("a file that is archived while it is loaded is loaded from there by the next attempt", async () => {
  const { folder, warehouse, drop, rows } = await makeServices();
  const input = await drop("a.csv", "id\n1\n");
  const archived = { bucket: "inbox", object: "archive/a.csv" };
  let looks = 0;
  /** The objects as a task sees them: the file has moved by the second look. */
  class Moving extends FolderObjectStore {
    override async stat(name: ObjectName) {
      looks += 1;
      if (looks > 1) return super.stat(archived);
      const found = await super.stat(name);
      await super.move(name, archived);
      return found;
    }
  }
  const services = { warehouse, objects: new Moving({ buckets: { inbox: folder } }) };
  const load = () => runBuiltIn(loadFileType, loadFile({ table: "orders" }), services, { input });
  await expect(load()).rejects.toMatchObject({ code: "FILE_BEING_MOVED" });
  expect(await load()).toMatchObject({ rows: 1 });
  expect(await rows("FROM orders")).toEqual([{ id: 1 }]);
});
