#!/bin/bash
# @duckdb/node-api 1.5.5-r.5 (DuckDB 1.5.5). DuckDB keeps the order of rows in CREATE TABLE … AS SELECT
# (`preserve_insertion_order`, true by default), and `rowid` counts them. It plans a CASE with a long IN list of constants
# as a hash join (MARK) with the list. With two threads the rows of a table of 300,000 then come in another order in most
# runs (the join is in the plan in all of them). A short list, and list_contains() of the long one, keep the order.
# So a longer list of words changes which of several rows is "the last", in a statement without any ORDER BY, join or
# subquery. Output:
#   IN of 2 words: a join in the plan false, rows out of order false
#   IN of 7 words: a join in the plan true, rows out of order true
#   list_contains of 7 words: a join in the plan false, rows out of order false
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.5-r.5
cat > order.mjs <<'JS'
import { DuckDBInstance } from "@duckdb/node-api";
const connection = await (await DuckDBInstance.create(":memory:", { threads: "2" })).connect();
await connection.run("CREATE TABLE rows AS SELECT CAST(range AS VARCHAR) AS n FROM range(300000)");
const words = (count) => Array.from({ length: count }, (_, index) => `'word${index}'`).join(", ");
const select = (condition) => `SELECT CASE WHEN NOT ${condition} THEN CAST(n AS BIGINT) END AS n FROM rows`;
const rowsOf = async (sql) => (await connection.runAndReadAll(sql)).getRows();
const hasJoin = async (condition) => JSON.stringify(await rowsOf(`EXPLAIN ${select(condition)}`)).includes("HASH_JOIN");
const losesOrder = async (condition) => {
  for (let run = 0; run < 30; run++) {
    await connection.run(`CREATE OR REPLACE TABLE copied AS ${select(condition)}`);
    if ((await rowsOf("SELECT count(*) FROM copied WHERE n <> rowid"))[0][0] > 0n) return true;
  }
  return false;
};
let isAsSeen = true;
for (const [name, condition, expected] of [
  ["IN of 2 words", `(n IN (${words(2)}))`, false],
  ["IN of 7 words", `(n IN (${words(7)}))`, true],
  ["list_contains of 7 words", `list_contains([${words(7)}], n)`, false],
]) {
  const found = [await hasJoin(condition), await losesOrder(condition)];
  console.log(`${name}: a join in the plan ${found[0]}, rows out of order ${found[1]}`);
  isAsSeen &&= found.every((one) => one === expected);
}
process.exit(isAsSeen ? 0 : 1);
JS
node order.mjs
