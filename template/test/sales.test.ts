import assert from "node:assert/strict";
import { test } from "node:test";
import { testWorkflow } from "baton-dag/testing";
import sales from "../workflows/sales.ts";

test("adds up the sales of a dropped file by day and category", async () => {
  const subject = testWorkflow(sales);
  const file = "order_id,day,category,amount\n1,2026-10-01,Tea,10.5\n2,2026-10-01,Tea,4.5\n";
  const run = await subject.dropFile("sales/october.csv", file);
  assert.equal(run.status, "SUCCESS");
  assert.equal(run.result("load").rows, 2);
  const rows = await subject.warehouse.select("SELECT category, revenue FROM daily_sales");
  assert.deepEqual(rows, [{ category: "Tea", revenue: 15 }]);
});
