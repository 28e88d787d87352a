import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, test } from "vitest";
import { casesOfToday, triesAllCases } from "../support/cases-of-today.ts";
import { realFiles, refusedFiles } from "./file-corpus.ts";
import { type FileCase, fileRules } from "./file-rules.ts";
import { shorthand, type WarehouseUnderTest } from "./warehouse-contract-shorthand.ts";

/**
 * Every rule of docs/files.md, with the same outcome in every warehouse. `casesEach`: how many cases of each rule are
 * tried today.
 */
export function describeFileRules(open: () => Promise<WarehouseUnderTest>, casesEach: number): void {
  test("every rule of the documentation has cases", () => {
    const page = readFileSync(new URL("../../docs/files.md", import.meta.url), "utf8");
    const [, rules = ""] = page.split("## Rules\n");
    const documented = [...rules.matchAll(/^\| `?([^|`]+?)`? \|/gm)]
      .map(([, name]) => name)
      .filter((name) => !/^-+$|^rule$/.test(name ?? ""));
    expect(documented).toEqual(Object.keys(fileRules));
  });

  describe.each(Object.entries(fileRules))("%s", (_rule, cases) => {
    test.each(casesOfToday(cases, casesEach).map((one) => [one.name, one] as const))("%s", (_name, one) =>
      tryCase(open, one),
    );
  });
}

async function tryCase(
  open: () => Promise<WarehouseUnderTest>,
  { file: name = "a.csv", text, options, before, gives, kinds }: FileCase,
): Promise<void> {
  const opened = await open();
  const { load, loadText, rows } = shorthand(opened);
  const all = "SELECT * FROM orders ORDER BY 1";
  if (before !== undefined) await loadText(before);
  const earlier = before === undefined ? undefined : await rows(all);
  const format = name === "a.csv" ? "csv" : "jsonl";
  const loading = load(await opened.file(name, text), {}, { format, ...(options && { options }) });
  if (isRefusal(gives)) {
    const { code, message } = gives;
    const failure = { code, retryable: false, message: expect.stringMatching(message) };
    await expect(loading).rejects.toMatchObject(failure);
    if (earlier) expect(await rows(all)).toEqual(earlier);
    else await expect(rows(all)).rejects.toMatchObject({ code: "SQL_FAILED" });
    return;
  }
  await loading;
  const found = await rows(all);
  expect(before === undefined || found.length > 1).toBe(true);
  expect(sorted(found)).toEqual(sorted(gives));
  if (kinds) expect(await opened.kinds("orders")).toEqual(kinds);
}

function isRefusal(gives: FileCase["gives"]): gives is Exclude<FileCase["gives"], readonly object[]> {
  return "code" in gives;
}

/** Engines order NULL and texts in their own ways. */
function sorted(rows: readonly object[]): readonly object[] {
  const texts = new Map(rows.map((row) => [row, JSON.stringify(row)]));
  return [...rows].sort((one, other) => ((texts.get(one) ?? "") < (texts.get(other) ?? "") ? -1 : 1));
}

const kindLetters: Readonly<Record<string, string>> = {
  boolean: "b",
  integer: "i",
  decimal: "d",
  date: "D",
  timestamp: "T",
  text: "t",
  json: "j",
  list: "-",
  object: "{",
};

/** Files as programs write them, each in a table of its own. */
export function describeRealFiles(open: () => Promise<WarehouseUnderTest>): void {
  test.each(casesOfToday(realFiles, 10).map((one) => [one.from, one] as const))("%s", async (_from, one) => {
    const { file: name = "a.csv", text, options, kinds, rows: count, row } = one;
    const opened = await open();
    const { load, rows } = shorthand(opened);
    const format = name === "a.csv" ? "csv" : "jsonl";
    await load(await opened.file(name, text), {}, { format, ...(options && { options }) });
    const found = await rows("SELECT * FROM orders");
    expect(found).toContainEqual(row);
    expect(found).toHaveLength(count);
    expect((await opened.kinds("orders")).map((kind) => kindLetters[kind] ?? kind).join("")).toBe(kinds);
  });

  test.each(["plain", "gzip", "zstd"] as const)("DuckDB, COPY TO Parquet (%s)", async (compression) => {
    const bytes = await parquetOf("SELECT 1 AS id, DATE '2026-10-31' AS day, 1.5 AS n, [1, 2] AS list");
    const pack = { plain: (content: Buffer) => content, gzip: gzipSync, zstd: zstdCompressSync }[compression];
    const opened = await open();
    const { load, rows } = shorthand(opened);
    await load(await opened.file("a.parquet", pack(bytes)), {}, { format: "parquet" });
    expect(await rows("SELECT * FROM orders")).toEqual([{ id: 1, day: "2026-10-31", n: 1.5, list: [1, 2] }]);
  });

  test("a row of many columns, and a cell that is too long", async () => {
    const columns = triesAllCases ? 3_000 : 300;
    const cellBytes = triesAllCases ? 100_000_000 : 17_000_000;
    const opened = await open();
    const { load, rows } = shorthand(opened);
    const names = Array.from({ length: columns }, (_, index) => `c${index}`);
    await load(await opened.file("wide.csv", `${names.join(",")}\n${names.map((_, n) => n).join(",")}\n`));
    expect(await rows(`SELECT c0, c${columns - 1} AS last FROM orders`)).toEqual([
      { c0: 0, last: columns - 1 },
    ]);
    const long = await opened.file("long.csv", `id,t\n1,a\n2,"${"x".repeat(cellBytes)}"\n`);
    await expect(load(long, { table: "long" })).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(/^long\.csv, line 3: the row is longer than .* 16 MiB.{0,60}$/),
    });
  });

  test.each(casesOfToday(refusedFiles, 6).map((one) => [one.from, one] as const))(
    "%s is refused",
    async (_from, one) => {
      const { file: name = "a.csv", text, options, message } = one;
      const opened = await open();
      const { load, rows } = shorthand(opened);
      const format = name === "a.csv" ? "csv" : "jsonl";
      const loading = load(await opened.file(name, text), {}, { format, ...(options && { options }) });
      await expect(loading).rejects.toMatchObject({
        code: "FILE_UNREADABLE",
        retryable: false,
        message: expect.stringMatching(message),
      });
      await expect(rows("SELECT * FROM orders")).rejects.toMatchObject({ code: "SQL_FAILED" });
    },
  );
}

async function parquetOf(select: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "baton-parquet-"));
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`COPY (${select}) TO '${folder}/a.parquet' (FORMAT parquet)`);
    return await readFile(join(folder, "a.parquet"));
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true });
  }
}
