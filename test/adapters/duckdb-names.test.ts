import { expect, test } from "vitest";
import { makeWarehouse } from "./duckdb-harness.ts";

test.each(["x; DROP TABLE orders", 'orders" (a int); --', "a.b.c", "", "_baton_jobs", "orders'"])(
  "the table name %j is refused and nothing happens",
  async (table) => {
    const { loadText, rows } = await makeWarehouse();
    await loadText("id\n1\n");
    await expect(loadText("id\n1\n", { table })).rejects.toMatchObject({ code: "TASK_PARAMETERS_INVALID" });
    expect(await rows("FROM orders")).toEqual([{ id: 1 }]);
  },
);

test("names of columns and schemas are never run as SQL", async () => {
  const { loadText, rows } = await makeWarehouse();
  await loadText('"a""b; DROP TABLE x",select,\'\n1,2,3\n', { table: "temp.order" });
  expect(await rows('SELECT "select" AS s, "\'" AS q FROM warehouse."temp"."order"')).toEqual([
    { s: 2, q: 3 },
  ]);
});
