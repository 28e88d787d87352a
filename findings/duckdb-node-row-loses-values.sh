#!/bin/bash
# @duckdb/node-api 1.5.5-r.5 (DuckDB 1.5.5). A struct without names, `row(1, 2, 3)`, is a value of three fields in DuckDB.
# The client keeps the fields of a struct in an object by their names, which are all "" here: of three values it returns
# one, in every form (values, JSON, its type), and says nothing. The text that DuckDB itself makes has all three. Output:
#   DuckDB: (1, 2, 3)
#   client: {"":3}
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.5-r.5
cat > row.mjs <<'JS'
import { DuckDBInstance } from "@duckdb/node-api";
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const reader = await connection.runAndReadAll("SELECT row(1, 2, 3) AS r, CAST(row(1, 2, 3) AS VARCHAR) AS text");
const [row] = reader.getRowObjectsJson();
console.log(`DuckDB: ${row.text}\nclient: ${JSON.stringify(row.r)}`);
process.exit(row.text === "(1, 2, 3)" && Object.keys(row.r).length === 1 ? 0 : 1);
JS
node row.mjs
