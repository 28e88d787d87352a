#!/bin/bash
# @duckdb/node-api 1.5.5-r.5 (DuckDB 1.5.5). A text joined by || with a NULL that is cast to VARCHAR has the type
# INTEGER, also for the column of a table; upper() of the same NULL stays VARCHAR. CREATE TABLE … AS makes an INTEGER
# column of it, and v + 1 is accepted. Output:
#   'a' || CAST(NULL AS VARCHAR): INTEGER
#   s || CAST(NULL AS VARCHAR): INTEGER
#   upper(CAST(NULL AS VARCHAR)): VARCHAR
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.5-r.5
cat > concat.mjs <<'JS'
import { DuckDBInstance } from "@duckdb/node-api";
const connection = await (await DuckDBInstance.create(":memory:")).connect();
let isAsSeen = true;
for (const [expression, expected] of [
  ["'a' || CAST(NULL AS VARCHAR)", "INTEGER"],
  ["s || CAST(NULL AS VARCHAR)", "INTEGER"],
  ["upper(CAST(NULL AS VARCHAR))", "VARCHAR"],
]) {
  const reader = await connection.runAndReadAll(`SELECT ${expression} AS v FROM (VALUES ('a')) AS t(s)`);
  const type = String(reader.columnType(0));
  console.log(`${expression}: ${type}`);
  isAsSeen &&= type === expected;
}
process.exit(isAsSeen ? 0 : 1);
JS
node concat.mjs
