import { expect, test } from "vitest";
import type { QueryJob } from "../../src/ports/warehouse.ts";
import { makeWarehouse, never, resultOf } from "./duckdb-harness.ts";

async function makeOrders() {
  const harness = await makeWarehouse();
  await harness.loadText("id,n,day\n1,10,2026-10-01\n2,20,2026-10-02\n3,30,2026-10-02\n");
  let jobs = 0;
  const query = async (job: Partial<QueryJob> & Pick<QueryJob, "sql">) => {
    jobs += 1;
    return resultOf(
      await harness.warehouse.query({
        jobId: `query-${jobs}`,
        parameters: {},
        into: { table: "summary", mode: "replace", key: [] },
        signal: never,
        ...job,
      }),
    );
  };
  return { ...harness, query };
}

test("a query fills its table: replace, append and merge", async () => {
  const { query, rows } = await makeOrders();
  const sql = "SELECT day, sum(n) AS n FROM orders GROUP BY day; -- done";
  expect(await query({ sql })).toEqual({ table: "summary", rows: 2, tableRows: 2 });
  expect((await query({ sql: { duckdb: sql, bigquery: "SELEKT" } })).tableRows).toBe(2);
  const into = { table: "summary", mode: "merge", key: ["day"] } as const;
  await query({ sql: "SELECT DATE '2026-10-02' AS day, 99 AS n UNION ALL SELECT '2026-10-03', 1", into });
  expect(await rows("FROM summary ORDER BY day")).toEqual([
    { day: "2026-10-01", n: 10 },
    { day: "2026-10-02", n: 99 },
    { day: "2026-10-03", n: 1 },
  ]);
  expect((await query({ sql, into: { table: "summary", mode: "append", key: [] } })).tableRows).toBe(5);
});

test("parameters are bound, never put into the text", async () => {
  const { query, rows } = await makeOrders();
  const parameters = { day: "2026-10-02", text: "'; DROP TABLE orders; --", least: 25, list: [1, 3] };
  const sql =
    "SELECT id, $text AS text FROM orders WHERE day = $day AND n > $least AND list_contains($list, id)";
  expect((await query({ sql, parameters })).rows).toBe(1);
  expect(await rows("FROM summary")).toEqual([{ id: 3, text: parameters.text }]);
});

test.each([
  ["SELECT nope FROM orders", /nope/],
  ["SELEC 1", /syntax error at or near "SELEC"/],
  ["SELECT 1 AS a; DROP TABLE orders", /multiple statements/],
  ["DROP TABLE orders", /Only one SELECT/],
  ["SELECT CAST('x' AS INTEGER) AS a", /Could not convert/],
  ["SELECT $a AS a", /asks for \$a/],
  ["", /No statement/],
])("%j is SQL_FAILED with DuckDB's message, for query and rows", async (sql, message) => {
  const { query, rows } = await makeOrders();
  const failure = { code: "SQL_FAILED", retryable: false, message: expect.stringMatching(message) };
  await expect(query({ sql })).rejects.toMatchObject(failure);
  await expect(rows(sql)).rejects.toMatchObject(failure);
  expect(await rows("SELECT count(*) AS n FROM orders")).toEqual([{ n: 3 }]);
});

test("a parameter that the SQL has not, and SQL for another warehouse only, are SQL_FAILED", async () => {
  const { query } = await makeOrders();
  const unused = query({ sql: "SELECT 1 AS a", parameters: { x: 1 } });
  await expect(unused).rejects.toMatchObject({ code: "SQL_FAILED", message: expect.stringMatching(/\$x/) });
  await expect(query({ sql: { bigquery: "SELECT 1" } })).rejects.toMatchObject({ code: "SQL_FAILED" });
});

test("the same job id runs its query once", async () => {
  const { query, rows } = await makeOrders();
  const job = { jobId: "once", sql: "SELECT 1 AS a", into: { table: "t", mode: "append", key: [] } } as const;
  expect(await query(job)).toEqual(await query(job));
  expect(await rows("FROM t")).toEqual([{ a: 1 }]);
});

test("rows are plain JSON, and no more than asked for", async () => {
  const { warehouse } = await makeOrders();
  const sql = `SELECT 9007199254740991 AS safe, 9007199254740993 AS large, 1.25 AS price, DATE '2026-10-01' AS day,
    TIMESTAMP '2026-10-01 10:00:00.5' AS at, TIMESTAMPTZ '2026-10-01 10:00:00+02' AS moment, sum(n) AS total,
    {'list': [1, NULL], 'map': MAP {'a': 1}} AS nested, 'NaN'::DOUBLE AS nan, NULL AS nothing FROM orders`;
  const [row] = await warehouse.rows(sql, {}, 5, never);
  expect(row).toEqual({
    safe: 9007199254740991,
    large: "9007199254740993",
    price: 1.25,
    day: "2026-10-01",
    at: "2026-10-01T10:00:00.500",
    moment: "2026-10-01T08:00:00.000Z",
    total: 60,
    nested: { list: [1, null], map: [{ key: "a", value: 1 }] },
    nan: "NaN",
    nothing: null,
  });
  expect(JSON.parse(JSON.stringify(row))).toEqual(row);
  expect(
    await warehouse.rows("SELECT range AS n FROM range(1000000) ORDER BY n DESC;", {}, 2, never),
  ).toEqual([{ n: 999_999 }, { n: 999_998 }]);
});

test("the signal interrupts the statement that runs, and those that wait for their turn", async () => {
  const { query, rows, warehouse } = await makeOrders();
  const running = new AbortController();
  const waiting = new AbortController();
  const endless = "SELECT count(*) AS n FROM range(1000000000) a, range(1000000) b";
  const interrupted = query({ sql: endless, signal: running.signal });
  const left = warehouse.rows("SELECT 1 AS one", {}, 1, waiting.signal);
  waiting.abort(new Error("no more waiting"));
  await expect(left).rejects.toThrow("no more waiting");
  setTimeout(() => running.abort(new Error("timed out")), 100);
  await expect(interrupted).rejects.toThrow("timed out");
  expect(await rows("SELECT count(*) AS n FROM duckdb_tables() WHERE table_name = 'summary'")).toEqual([
    { n: 0 },
  ]);
  const aborted = AbortSignal.abort(new Error("too late"));
  await expect(query({ sql: "SELECT 1 AS one", signal: aborted })).rejects.toThrow("too late");
});

test("rows come in the order of the SELECT, also with a column called rowid", async () => {
  const { rows } = await makeOrders();
  const sql = "SELECT 4 - id AS rowid, id FROM orders ORDER BY id";
  expect(await rows(sql)).toEqual([
    { rowid: 3, id: 1 },
    { rowid: 2, id: 2 },
    { rowid: 1, id: 3 },
  ]);
});

test("a moment keeps its millionths of a second", async () => {
  const { rows } = await makeOrders();
  const sql =
    "SELECT TIMESTAMPTZ '2026-10-01 10:00:00.123456+02' AS one, TIMESTAMPTZ '1969-12-31 23:59:59.999001Z' AS two";
  expect(await rows(sql)).toEqual([
    { one: "2026-10-01T08:00:00.123456Z", two: "1969-12-31T23:59:59.999001Z" },
  ]);
});

test.each([
  ["{'__proto__': 1}", /"a" has objects with a field __proto__/],
  ["[{'b': 1, '__proto__': 'x'}]", /"a" has objects with a field __proto__/],
])("%s, whose field DuckDB's client would lose, is refused", async (value, message) => {
  const { rows } = await makeOrders();
  await expect(rows(`SELECT ${value} AS a`)).rejects.toMatchObject({
    code: "SQL_FAILED",
    message: expect.stringMatching(message),
  });
  expect(await rows("SELECT '__proto__' AS a, {'proto': '__proto__'} AS b")).toHaveLength(1);
});

test("a query may replace the table that it reads, and leaves it as it was if it fails", async () => {
  const { query, rows } = await makeOrders();
  const into = { table: "orders", mode: "replace", key: [] } as const;
  expect(await query({ sql: "SELECT id, n + 1 AS n FROM orders WHERE id < 3", into })).toEqual({
    table: "orders",
    rows: 2,
    tableRows: 2,
  });
  await expect(
    query({ sql: "SELECT CAST('x' || id AS INTEGER) AS id FROM orders", into }),
  ).rejects.toMatchObject({
    code: "SQL_FAILED",
    message: expect.stringMatching(/Could not convert/),
  });
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, n: 11 },
    { id: 2, n: 21 },
  ]);
});

test("a query can't replace a view", async () => {
  const { warehouse, query, rows } = await makeOrders();
  await warehouse.write({
    id: "view",
    table: "summary",
    sql: "CREATE VIEW summary AS SELECT 7 AS a",
    parameters: {},
  });
  await expect(query({ sql: "SELECT 1 AS a" })).rejects.toMatchObject({
    code: "TABLE_MISMATCH",
    retryable: false,
    message: expect.stringMatching(/View/),
  });
  expect(await rows("FROM summary")).toEqual([{ a: 7 }]);
});
