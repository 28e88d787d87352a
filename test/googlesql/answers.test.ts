import { readFileSync } from "node:fs";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { describe, expect, test } from "vitest";
import type { KnownTable } from "../../src/core/googlesql/queries/surroundings.ts";
import { typeOfColumn } from "../../src/core/googlesql/types.ts";
import { type Comparison, compare, readTexts, type Verdict } from "./compare.ts";

const at = (file: string) => new URL(file, import.meta.url);

async function connect(): Promise<DuckDBConnection> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}

async function compareAll(
  connection: DuckDBConnection,
  file: string,
  tables?: ReadonlyMap<string, KnownTable>,
): Promise<readonly Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const text of readTexts(at(file))) comparisons.push(await compare(connection, text, tables));
  return comparisons;
}

/** The tables of the texts, with the types of their columns. */
async function createTables(connection: DuckDBConnection): Promise<ReadonlyMap<string, KnownTable>> {
  await connection.run(readFileSync(at("tables.sql"), "utf8"));
  const tables = new Map<string, KnownTable>();
  for (const name of ["t", "u"]) {
    const described = await connection.runAndReadAll(`DESCRIBE ${name}`);
    const columns = described.getRows().map(([column, type]) => ({
      name: String(column),
      type: typeOfColumn(String(type)),
    }));
    tables.set(name, { sql: `main."${name}"`, columns });
  }
  return tables;
}

function count(comparisons: readonly Comparison[], ...verdicts: readonly Verdict[]): number {
  return comparisons.filter(({ verdict }) => verdicts.includes(verdict)).length;
}

/** The row of the table in docs/sql.md. */
function figures(name: string, comparisons: readonly Comparison[]): string {
  const [same, other, refused] = (["same", "other", "refused"] as const).map((one) =>
    count(comparisons, one),
  );
  const [failed, notFailed] = [count(comparisons, "failed too"), count(comparisons, "not failed")];
  return `| ${name} | ${comparisons.length} | ${same} | ${other} | ${refused} | ${failed} | ${notFailed} |`;
}

describe("texts of GoogleSQL have on DuckDB the answers of the reference implementation", () => {
  const page = readFileSync(at("../../docs/sql.md"), "utf8");

  test("single functions, operators and clauses", async () => {
    const comparisons = await compareAll(await connect(), "list.jsonl");
    expect(comparisons.filter(({ verdict }) => verdict === "other" || verdict === "not failed")).toEqual([]);
    expect(page).toContain(figures("written by hand", comparisons));
  });

  test("several functions in each text, of which one that is refused counts for all", async () => {
    const comparisons = await compareAll(await connect(), "data-work.jsonl");
    expect(comparisons.filter(({ verdict }) => verdict === "other" || verdict === "not failed")).toEqual([]);
    expect(page).toContain(figures("several functions in each text", comparisons));
  });

  test("compositions over tables, put together at random", async () => {
    const connection = await connect();
    const comparisons = await compareAll(connection, "with-tables.jsonl", await createTables(connection));
    expect(comparisons.filter(({ verdict }) => verdict === "other" || verdict === "not failed")).toEqual([]);
    expect(page).toContain(figures("put together at random", comparisons));
  });
});
