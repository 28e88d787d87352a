import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { type Comparison, compare, readTexts, type Verdict } from "./compare.ts";

async function compareAll(file: string): Promise<readonly Comparison[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  await connection.run("SET TimeZone = 'UTC'");
  const comparisons: Comparison[] = [];
  for (const text of readTexts(new URL(file, import.meta.url)))
    comparisons.push(await compare(connection, text));
  connection.closeSync();
  return comparisons;
}

function count(comparisons: readonly Comparison[], ...verdicts: readonly Verdict[]): number {
  return comparisons.filter(({ verdict }) => verdicts.includes(verdict)).length;
}

test("texts of GoogleSQL have on DuckDB the answers of the reference implementation", async () => {
  const comparisons = await compareAll("list.jsonl");
  const answered = count(comparisons, "same", "other", "refused");
  expect(comparisons.filter(({ verdict }) => verdict === "other")).toEqual([]);
  expect(comparisons.filter(({ verdict }) => verdict === "not failed")).toEqual([]);
  expect(count(comparisons, "same") / answered).toBeGreaterThanOrEqual(0.93);
});
