#!/bin/bash
# @duckdb/node-api 1.5.5-r.5 (DuckDB 1.5.5). DuckDB keeps the order of rows in CREATE TABLE … AS SELECT (`preserve_insertion_order`,
# true by default), and `rowid` counts them. A CASE with a long IN list of constants is planned as a hash join (MARK) with the list,
# and from then on the rows of a table of 300,000 come in another order; a short list, and list_contains() of the long one, keep it.
# So a longer list of words changes which of several rows is "the last", in a statement without any ORDER BY, join or subquery.
# Seen:
#   IN of 2 words: rows out of order 0
#   IN of 7 words: rows out of order 245760 (any number above 0 counts here)
#   list_contains of 7 words: rows out of order 0
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.5-r.5
cat > order.mjs <<'JS'
import { DuckDBInstance } from "@duckdb/node-api";
const connection = await (await DuckDBInstance.create(":memory:", { threads: "2" })).connect();
await connection.run("CREATE TABLE rows AS SELECT CAST(range AS VARCHAR) AS n FROM range(300000)");
const words = (count) => Array.from({ length: count }, (_, index) => `'word${index}'`).join(", ");
const outOfOrder = async (condition) => {
  await connection.run(`CREATE OR REPLACE TABLE copied AS SELECT CASE WHEN NOT ${condition} THEN CAST(n AS BIGINT) END AS n FROM rows`);
  const reader = await connection.runAndReadAll("SELECT count(*) FROM copied WHERE n <> rowid");
  return Number(reader.getRows()[0][0]);
};
const short = await outOfOrder(`(n IN (${words(2)}))`);
const long = await outOfOrder(`(n IN (${words(7)}))`);
const listed = await outOfOrder(`list_contains([${words(7)}], n)`);
console.log(`IN of 2 words: rows out of order ${short}`);
console.log(`IN of 7 words: rows out of order ${long}`);
console.log(`list_contains of 7 words: rows out of order ${listed}`);
process.exit(short === 0 && long > 0 && listed === 0 ? 0 : 1);
JS
node order.mjs
