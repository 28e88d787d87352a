import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import type { JsonObject } from "../../src/core/values/json.ts";
import { makeWarehouse, never, resultOf } from "./duckdb-harness.ts";

async function makeQuestions() {
  const made = await makeWarehouse();
  const ask = (googlesql: string, parameters: JsonObject = {}) =>
    made.warehouse.rows({ googlesql }, parameters, 100, never);
  return { ...made, ask };
}

test("one text in GoogleSQL is run with the tables and parameters of DuckDB", async () => {
  const { ask, loadText } = await makeQuestions();
  await loadText("id,price,at\n1,2.5,2024-01-07 23:30:00\n2,1.005,2024-01-08 00:30:00\n3,,\n");
  const sql = `
    SELECT id, ROUND(price, 2) AS price, EXTRACT(DAYOFWEEK FROM at) AS day
    FROM orders WHERE id IN UNNEST(@ids) ORDER BY price`;
  expect(await ask(sql, { ids: [null, 1, 2, 3] })).toEqual([
    { id: 3, price: null, day: null },
    { id: 2, price: 1, day: 2 },
    { id: 1, price: 2.5, day: 1 },
  ]);
});

test("the result of a text in GoogleSQL is written into a table", async () => {
  const { warehouse, rows } = await makeQuestions();
  const state = await warehouse.query({
    jobId: "job",
    sql: {
      googlesql: "SELECT x, SUM(x) OVER (ORDER BY x) AS total FROM UNNEST([1, 2, 3]) AS x WHERE x > @least",
    },
    parameters: { least: 1 },
    into: { table: "totals", mode: "replace", key: [] },
    signal: never,
  });
  expect(resultOf(state)).toMatchObject({ rows: 2 });
  expect(await rows("SELECT * FROM totals ORDER BY x")).toEqual([
    { x: 2, total: 2 },
    { x: 3, total: 5 },
  ]);
});

test("SQL that may give another answer is refused with the word, its place and the reason", async () => {
  const { ask } = await makeQuestions();
  await expect(ask("SELECT 1 AS one,\n  SOUNDEX('a') AS two")).rejects.toMatchObject({
    code: "SQL_UNSUPPORTED",
    message: "The SQL is not run on DuckDB: line 2, column 3: SOUNDEX: the function is not supported here",
  });
  await expect(ask("SELECT BIGNUMERIC '1' AS v")).rejects.toMatchObject({ code: "SQL_UNSUPPORTED" });
  await expect(ask("SELECT FROM")).rejects.toMatchObject({ code: "SQL_FAILED" });
});

test("without the parser a task fails with what to install, and validate warns that the SQL is not checked", () => {
  const modules = resolve(import.meta.dirname, "../../src");
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        return next(specifier === "@polyglot-sql/sdk" ? "@polyglot-sql/missing" : specifier, context);
      },
    });
    const { DatabaseFile } = await import(${JSON.stringify(`${modules}/adapters/duckdb/database-file.ts`)});
    const { DuckDbWarehouse } = await import(${JSON.stringify(`${modules}/adapters/duckdb/duckdb-warehouse.ts`)});
    const { checkSql } = await import(${JSON.stringify(`${modules}/app/check-sql.ts`)});
    const warehouse = new DuckDbWarehouse(new DatabaseFile("missing-parser", { inMemory: true }));
    const sql = { googlesql: "SELECT 1 AS v" };
    const failure = await warehouse.rows(sql, {}, 1, new AbortController().signal).catch((thrown) => thrown);
    await warehouse.close();
    const definition = { tasks: [{ id: "sum", type: "runQuery", with: { sql } }] };
    const types = new Map([["runQuery", { sqlParameters: ["sql"] }]]);
    const { problems, warnings } = await checkSql([{ file: "sums.ts", definition }], types);
    const { code, retryable, message } = failure;
    console.log(JSON.stringify({ code, retryable, message, problems, warnings }));`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(child.status, child.stderr).toBe(0);
  expect(JSON.parse(child.stdout)).toEqual({
    code: "GOOGLESQL_PARSER_MISSING",
    retryable: false,
    message: expect.stringContaining("Run: npm install @polyglot-sql/sdk@"),
    problems: [],
    warnings: [expect.stringMatching(/^GOOGLESQL_PARSER_MISSING: .*The SQL of task "sum" is not checked$/)],
  });
});

test("a text fails where GoogleSQL fails", async () => {
  const { ask } = await makeQuestions();
  for (const sql of [
    "SELECT 1 / 0 AS v",
    "SELECT CAST('1.5' AS INT64) AS v",
    "SELECT 9223372036854775807 + 1 AS v",
    "SELECT 1e308 * 10 AS v",
    "SELECT PARSE_DATE('%Y-%m-%d', '2024-02-30') AS v",
  ])
    await expect(ask(sql)).rejects.toMatchObject({ code: "SQL_FAILED" });
});

test.each([
  ["SELECT x FROM missing", "The SQL failed: line 1, column 15: missing: there is no table missing"],
  ["SELECT y FROM (SELECT 1 AS x)", "The SQL failed: line 1, column 8: y: there is no column y"],
  ["SELECT * EXCEPT (y) FROM (SELECT 1 AS x)", "there is no column y in *"],
  ["SELECT @a AS v", "The SQL failed: line 1, column 8: @a: there is no such parameter"],
])("%s names what does not exist, and fails as in BigQuery", async (sql, message) => {
  const { ask } = await makeQuestions();
  await expect(ask(sql)).rejects.toMatchObject({
    code: "SQL_FAILED",
    message: expect.stringContaining(message),
  });
});

test("a parameter without a value is NULL, also where the translation does not ask for its value", async () => {
  const { ask } = await makeQuestions();
  expect(await ask("SELECT @a AS v", { a: null })).toEqual([{ v: null }]);
  expect(await ask("SELECT 1 AS v WHERE @a IS NULL OR @a = @b", { a: null, b: "x" })).toEqual([{ v: 1 }]);
  expect(await ask("SELECT COALESCE(@a, @b) AS v", { a: null, b: 2 })).toEqual([{ v: 2 }]);
});

test("other parameters than those of the text are refused", async () => {
  const { ask } = await makeQuestions();
  await expect(ask("SELECT @a AS v")).rejects.toThrow("@a: there is no such parameter");
  await expect(ask("SELECT 1 AS v", { a: 1 })).rejects.toThrow("The SQL has no parameter @a");
});

test("the macros of a text change nothing for other SQL", async () => {
  const { ask, rows } = await makeQuestions();
  await ask("SELECT SUBSTR('hello', 0, 2) AS v");
  expect(await rows("SELECT substr('hello', 0, 2) AS v")).toEqual([{ v: "h" }]);
  expect(
    await rows("SELECT count(*) AS n FROM duckdb_functions() WHERE function_name LIKE 'googlesql%'"),
  ).toEqual([{ n: 0 }]);
});

test("NULL comes first in ascending order, as in BigQuery", async () => {
  const { rows } = await makeQuestions();
  expect(await rows("SELECT * FROM (VALUES (2), (NULL), (1)) AS t(x) ORDER BY x")).toEqual([
    { x: null },
    { x: 1 },
    { x: 2 },
  ]);
});
