#!/bin/bash
# @polyglot-sql/sdk 0.12.1. Valid GoogleSQL that parse() accepts, and whose tree lacks a word: WITH OFFSET after the
# array of a column, and the type BIGNUMERIC, which becomes NUMERIC. generate() for the same dialect writes another
# query, without an error. Output:
#   SELECT x, o FROM t, t.xs AS x WITH OFFSET AS o -> SELECT x, o FROM t CROSS JOIN t.xs AS x
#   SELECT BIGNUMERIC '1' AS v -> SELECT CAST('1' AS NUMERIC) AS v
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y >/dev/null; npm install --silent --no-audit --no-fund @polyglot-sql/sdk@0.12.1
cat > lost.mjs <<'JS'
import { generate, parse } from "@polyglot-sql/sdk";
let isAsSeen = true;
for (const [sql, expected] of [
  ["SELECT x, o FROM t, t.xs AS x WITH OFFSET AS o", "SELECT x, o FROM t CROSS JOIN t.xs AS x"],
  ["SELECT BIGNUMERIC '1' AS v", "SELECT CAST('1' AS NUMERIC) AS v"],
]) {
  const written = generate(parse(sql, "bigquery").ast, "bigquery").sql?.[0];
  console.log(`${sql} -> ${written}`);
  isAsSeen &&= written === expected;
}
process.exit(isAsSeen ? 0 : 1);
JS
node lost.mjs
