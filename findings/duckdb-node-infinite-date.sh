#!/bin/bash
# @duckdb/node-api 1.5.5-r.5 (DuckDB 1.5.5). DuckDB has dates that are infinite, as PostgreSQL does, and calls them
# `infinity`. The client's text and JSON of them are finite days of the years 5881580 and -5877641, which read as any
# other day; for a TIMESTAMP it writes `infinity`. Read as values of JavaScript, all of them throw. Output:
#   DuckDB: infinity, -infinity
#   client: 5881580-07-11, 5877642-06-24 (BC); of a TIMESTAMP: infinity
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.5-r.5
cat > dates.mjs <<'JS'
import { DuckDBInstance } from "@duckdb/node-api";
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const reader = await connection.runAndReadAll(`SELECT d, -1 AS n, CAST(d AS VARCHAR) AS text, CAST(d AS TIMESTAMP) AS t
  FROM (VALUES (DATE 'infinity'), (DATE '-infinity')) AS days(d) ORDER BY d DESC`);
const rows = reader.getRowObjectsJson();
const [future, past] = rows;
console.log(`DuckDB: ${future.text}, ${past.text}\nclient: ${future.d}, ${past.d}; of a TIMESTAMP: ${future.t}`);
process.exit(future.text === "infinity" && /^\d{7}-/.test(future.d) && future.t === "infinity" ? 0 : 1);
JS
node dates.mjs
