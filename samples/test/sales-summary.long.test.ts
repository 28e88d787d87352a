import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { makeWarehouse, never, resultOf } from "../../test/adapters/duckdb-harness.ts";
import { summarySql } from "../sql/sales-summary.ts";
import { readCsv } from "./csv-reader.ts";
import { summarise } from "./sales-arithmetic.ts";

const sample = new URL("../data/sales/sales-2026-10.csv", import.meta.url);

test("the sample holds what it should show: warts, corrections, cancelled orders", async () => {
  const rows = readCsv(await readFile(sample, "utf8"));
  expect(rows).toHaveLength(5_000);
  expect(new Set(rows.map((row) => row.order_id)).size).toBe(4_960);
  expect(new Set(rows.map((row) => row.ordered_at?.slice(0, 10))).size).toBe(31);
  expect(rows.some((row) => row.city === "")).toBe(true);
  expect(rows.some((row) => row.unit_price === "" && row.status === "cancelled")).toBe(true);
  for (const name of ["Müller, Söhne & Co.", 'Bar "Zum Löwen"', "東京珈琲店", "Łukasz Wójcik"])
    expect(rows.some((row) => row.customer === name)).toBe(true);
});

test("every day and category, and the total, are what plain arithmetic gives", async () => {
  const { load, warehouse, rows } = await makeWarehouse();
  const loaded = await load(sample.href, { table: "sales", mode: "merge", key: ["order_id"] });
  expect(loaded).toEqual({ table: "sales", rows: 5_000, tableRows: 4_960 });
  const into = { table: "daily_sales_summary", mode: "replace", key: [] } as const;
  const job = { jobId: "summary", sql: summarySql, parameters: {}, into, signal: never };
  const { tableRows } = resultOf(await warehouse.query(job));

  const expected = summarise(await readFile(sample, "utf8"));
  expect(tableRows).toBe(expected.size);
  const found = await rows(
    "SELECT *, CAST(revenue * 100 AS BIGINT) AS cents FROM daily_sales_summary ORDER BY day, category",
  );
  const foundSums = found.map(({ day, category, orders, units, cents }) => [
    `${day} ${category}`,
    { orders, units, cents },
  ]);
  expect(new Map(foundSums as [string, unknown][])).toEqual(expected);
  const total = [...expected.values()].reduce((sum, group) => sum + group.cents, 0);
  expect(await rows("SELECT sum(revenue) AS revenue FROM daily_sales_summary")).toEqual([
    { revenue: total / 100 },
  ]);

  // The same file again, as after a lost worker or a second drop, changes nothing.
  await load(sample.href, { table: "sales", mode: "merge", key: ["order_id"] });
  await warehouse.query({ ...job, jobId: "summary-again" });
  expect(await rows("SELECT sum(revenue) AS revenue FROM daily_sales_summary")).toEqual([
    { revenue: total / 100 },
  ]);
});
