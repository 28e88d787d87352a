import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { summarySql } from "../../functions/sql/sales-summary.ts";
import { shorthand, type WarehouseUnderTest } from "../contract/warehouse-contract-shorthand.ts";
import { makeBigQuery } from "./bigquery-harness.ts";
import { makeWarehouse } from "./duckdb-harness.ts";

const sample = new URL("../../samples/sales/sales-2026-10.csv", import.meta.url);

/** The sample, with its corrections of earlier rows, and its summary. */
async function summaryBy(opened: WarehouseUnderTest) {
  const { load, query, rows } = shorthand(opened);
  const uri = await opened.file("sales.csv", await readFile(sample));
  const loaded = await load(uri, { table: "sales", mode: "merge", key: ["order_id"] });
  await query(summarySql, { table: "daily", mode: "replace" });
  const summary = await rows(
    "SELECT CAST(day AS STRING) AS day, category, orders, units, revenue FROM daily ORDER BY day, category",
  );
  return { rows: loaded.rows, tableRows: loaded.tableRows, summary };
}

test("the sales of the sample add up to the same in both warehouses", async () => {
  const inDuckDb = await summaryBy(await makeWarehouse());
  expect(inDuckDb).toMatchObject({ rows: 5_000, tableRows: 4_960 });
  expect(await summaryBy(await makeBigQuery())).toEqual(inDuckDb);
});

test("the sample computes the same cents in both warehouses", async () => {
  const text = `order_id,ordered_at,category,status,quantity,unit_price
1,2026-10-01 10:00:00,a,paid,2,9.995
2,2026-10-01 10:00:00,b,paid,3,0.125
3,2026-10-01 10:00:00,c,paid,1000,0.0049
`;
  const centsBy = async (opened: WarehouseUnderTest) => {
    const { load, query, rows } = shorthand(opened);
    const uri = await opened.file("cents.csv", Buffer.from(text));
    await load(uri, { table: "sales", mode: "merge", key: ["order_id"] });
    await query(summarySql, { table: "daily", mode: "replace" });
    return rows("SELECT category, revenue FROM daily ORDER BY category");
  };
  const cents = [
    { category: "a", revenue: 19.99 },
    { category: "b", revenue: 0.38 },
    { category: "c", revenue: 4.9 },
  ];
  expect(await centsBy(await makeWarehouse())).toEqual(cents);
  expect(await centsBy(await makeBigQuery())).toEqual(cents);
});
