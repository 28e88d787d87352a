import { expect, test } from "vitest";
import { shorthand, type WarehouseUnderTest } from "../contract/warehouse-contract-shorthand.ts";
import { makeBigQuery } from "./bigquery-harness.ts";
import { makeWarehouse } from "./duckdb-harness.ts";

/** Money is added up as decimals: the sum of a floating-point column depends on the order of its rows. */
const summarySql = {
  googlesql: `
    SELECT DATE(ordered_at) AS day,
           category,
           COUNT(*) AS orders,
           SUM(quantity) AS units,
           ROUND(SUM(quantity * CAST(unit_price AS NUMERIC)), 2) AS revenue
    FROM sales
    WHERE status <> 'cancelled'
    GROUP BY day, category
    ORDER BY day, category`,
};

const orders = 1_000;
const corrections = 40;
const categories = ["Coffee", "Tea", '"Löwen", Gerät'];

/** Orders of ten days. The last rows correct earlier ones, and some that were cancelled have no price. */
function ordersFile(): string {
  const rows = Array.from({ length: orders + corrections }, (_, index) => {
    const order = index % orders;
    const isCancelled = order % 19 === 0;
    const price = isCancelled && order % 2 === 0 ? "" : ((order * 37 + index) % 5_900) / 100;
    const day = String(1 + (order % 10)).padStart(2, "0");
    const category = `"${categories[order % categories.length]?.replaceAll('"', '""')}"`;
    const status = isCancelled ? "cancelled" : "paid";
    return [`S-${order}`, `2026-10-${day} 10:00:00`, category, status, 1 + (order % 12), price].join(",");
  });
  return `${["order_id,ordered_at,category,status,quantity,unit_price", ...rows].join("\n")}\n`;
}

/** Loads a file of orders, and gives the summary of each day and category. */
async function summaryBy(opened: WarehouseUnderTest, file: string) {
  const { load, query, rows } = shorthand(opened);
  const uri = await opened.file("sales.csv", Buffer.from(file));
  const loaded = await load(uri, { table: "sales", mode: "merge", key: ["order_id"] });
  await query(summarySql, { table: "daily", mode: "replace" });
  const summary = await rows(
    "SELECT CAST(day AS STRING) AS day, category, orders, units, revenue FROM daily ORDER BY day, category",
  );
  return { rows: loaded.rows, tableRows: loaded.tableRows, summary };
}

test("orders with corrections add up to the same in both warehouses", async () => {
  const inDuckDb = await summaryBy(await makeWarehouse(), ordersFile());
  expect(inDuckDb).toMatchObject({ rows: orders + corrections, tableRows: orders });
  expect(inDuckDb.summary).toHaveLength(10 * categories.length);
  expect(await summaryBy(await makeBigQuery(), ordersFile())).toEqual(inDuckDb);
});

test("both warehouses compute the same cents", async () => {
  const text = `order_id,ordered_at,category,status,quantity,unit_price
1,2026-10-01 10:00:00,a,paid,2,9.995
2,2026-10-01 10:00:00,b,paid,3,0.125
3,2026-10-01 10:00:00,c,paid,1000,0.0049
`;
  const cents = [
    { category: "a", revenue: 19.99 },
    { category: "b", revenue: 0.38 },
    { category: "c", revenue: 4.9 },
  ];
  for (const make of [makeWarehouse, makeBigQuery])
    expect((await summaryBy(await make(), text)).summary).toMatchObject(cents);
});
