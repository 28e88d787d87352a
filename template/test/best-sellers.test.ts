import assert from "node:assert/strict";
import { test } from "node:test";
import { readWorkflow, testWorkflow } from "baton-dag/testing";

test("ranks the categories by revenue", async () => {
  const subject = testWorkflow(
    await readWorkflow(new URL("../workflows/best-sellers.yaml", import.meta.url)),
  );
  await subject.warehouse.fill(
    "sales",
    "SELECT 'Tea' AS category, 10 AS amount UNION ALL SELECT 'Coffee', 32",
  );
  const run = await subject.run();
  assert.equal(run.status, "SUCCESS");
  const rows = await subject.warehouse.select("SELECT category FROM best_sellers ORDER BY revenue DESC");
  assert.deepEqual(rows, [{ category: "Coffee" }, { category: "Tea" }]);
});
