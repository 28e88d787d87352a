#!/bin/bash
# @duckdb/node-api 1.5.5-r.5 (DuckDB 1.5.5). read_json() finds dates in texts. It reads "01-02-2026" as 1 February, without
# a hint that January 2 is as likely. With `dateformat = '%Y-%m-%d'`, which is documented as the format to use, that text
# stays text, but "01-02-26" is a date of the year 1: the format's %Y takes two digits. Output:
#   01-02-2026: DATE 2026-02-01
#   01-02-2026 with dateformat: VARCHAR 01-02-2026
#   01-02-26 with dateformat: DATE 0001-02-26
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.5-r.5
cat > dates.mjs <<'JS'
import { writeFileSync } from "node:fs";
import { DuckDBInstance } from "@duckdb/node-api";
const connection = await (await DuckDBInstance.create(":memory:")).connect();
let isAsSeen = true;
for (const [text, options, expected] of [
  ["01-02-2026", "", "DATE 2026-02-01"],
  ["01-02-2026", ", dateformat = '%Y-%m-%d'", "VARCHAR 01-02-2026"],
  ["01-02-26", ", dateformat = '%Y-%m-%d'", "DATE 0001-02-26"],
]) {
  writeFileSync("rows.jsonl", `{"d":"${text}"}\n`);
  const sql = `SELECT typeof(d) || ' ' || d FROM read_json('rows.jsonl', format = 'newline_delimited'${options})`;
  const [[found]] = (await connection.runAndReadAll(sql)).getRows();
  console.log(`${text}${options === "" ? "" : " with dateformat"}: ${found}`);
  isAsSeen &&= found === expected;
}
process.exit(isAsSeen ? 0 : 1);
JS
node dates.mjs
