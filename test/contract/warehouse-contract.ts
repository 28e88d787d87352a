import { expect, test } from "vitest";
import { shorthand, type WarehouseUnderTest } from "./warehouse-contract-shorthand.ts";

const never = new AbortController().signal;

/** What every warehouse must do. The SQL is of the part that all dialects have. */
export function describeWarehouse(open: () => Promise<WarehouseUnderTest>): void {
  const start = async () => {
    const opened = await open();
    return { ...opened, ...shorthand(opened) };
  };
  const allOrders = "SELECT id, n FROM orders ORDER BY id, n";

  test("a file makes its table and adds to it, by the names of its columns in any order", async () => {
    const { loadText, rows } = await start();
    expect(await loadText("id,n\n1,10\n2,20\n")).toMatchObject({ table: "orders", rows: 2, tableRows: 2 });
    expect(await loadText("n,id\n30,3\n")).toMatchObject({ rows: 1, tableRows: 3 });
    expect(await rows(allOrders)).toEqual([
      { id: 1, n: 10 },
      { id: 2, n: 20 },
      { id: 3, n: 30 },
    ]);
  });

  test("JSON lines are loaded too, into a dataset that is made for them", async () => {
    const { file, load, rows } = await start();
    const uri = await file("a.jsonl", '{"id":1,"name":"Zoë"}\n{"id":2,"name":"O\'Neil"}\n');
    const done = await load(uri, { table: "shop.people" }, { format: "jsonl" });
    expect(done).toMatchObject({ table: "shop.people", rows: 2 });
    expect(await rows("SELECT name FROM shop.people ORDER BY id")).toEqual([
      { name: "Zoë" },
      { name: "O'Neil" },
    ]);
  });

  test("the same job id loads once, however often and by however many it is asked for", async () => {
    const { file, load, rows } = await start();
    const uri = await file("a.csv", "id,n\n1,10\n");
    const asked = Array.from({ length: 5 }, () => load(uri, {}, { jobId: "same" }));
    for (const done of await Promise.all(asked)) expect(done).toMatchObject({ rows: 1 });
    expect(await load(uri, {}, { jobId: "same", attempt: "later" })).toMatchObject({ rows: 1 });
    expect(await rows(allOrders)).toEqual([{ id: 1, n: 10 }]);
  });

  test("mode replace leaves the rows of the file only, and its columns", async () => {
    const { loadText, rows } = await start();
    await loadText("id,n\n1,10\n");
    expect(await loadText("id,name\n2,two\n", { mode: "replace" })).toMatchObject({ rows: 1, tableRows: 1 });
    expect(await rows("SELECT * FROM orders")).toEqual([{ id: 2, name: "two" }]);
  });

  test("mode merge updates the rows of its key and adds the others; the last of a file's rows counts", async () => {
    const { loadText, rows } = await start();
    const merge = { mode: "merge", key: ["id"] } as const;
    await loadText("id,n\n1,10\n2,20\n", merge);
    const done = await loadText("n,id\n99,2\n30,3\n31,3\n7,3\n", merge);
    expect(done.tableRows).toBe(3);
    expect(await rows(allOrders)).toEqual([
      { id: 1, n: 10 },
      { id: 2, n: 99 },
      { id: 3, n: 7 },
    ]);
  });

  test.each(["append", "replace", "merge"] as const)(
    "a file without rows, or that is broken, leaves the table as it is (%s)",
    async (mode) => {
      const { loadText, rows } = await start();
      await loadText("id,n\n1,10\n");
      const to = { mode, key: mode === "merge" ? ["id"] : [] };
      await expect(loadText("id,n\n", to)).rejects.toMatchObject({ code: "FILE_EMPTY", retryable: false });
      await expect(loadText("id,n\n2,20\n3\n", to)).rejects.toMatchObject({
        code: "FILE_UNREADABLE",
        retryable: false,
        message: expect.stringMatching(/line 3/),
      });
      expect(await rows(allOrders)).toEqual([{ id: 1, n: 10 }]);
    },
  );

  test("a file without rows, or that is broken, makes no table", async () => {
    const { loadText, rows } = await start();
    await expect(loadText("id,n\n")).rejects.toMatchObject({ code: "FILE_EMPTY" });
    await expect(loadText("")).rejects.toMatchObject({ code: "FILE_EMPTY" });
    await expect(loadText("id,n\n1\n")).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
    await expect(rows("SELECT * FROM orders")).rejects.toMatchObject({ code: "SQL_FAILED" });
  });

  test("a value that does not fit its column is FILE_UNREADABLE and names the line", async () => {
    const { loadText, rows } = await start();
    await loadText("id,n\n1,10\n");
    await expect(loadText("id,n\n2,20\n3,many\n")).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      retryable: false,
      message: expect.stringMatching(/line 3.*many/),
    });
    expect(await rows(allOrders)).toHaveLength(1);
  });

  test("a row without a key can't be merged", async () => {
    const { loadText, rows } = await start();
    await loadText("id,n\n1,10\n");
    await expect(loadText("id,n\n2,20\n,30\n", { mode: "merge", key: ["id"] })).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(/key.*id/),
    });
    expect(await rows(allOrders)).toHaveLength(1);
  });

  test("other columns than the table's, and a key that is no column, are TABLE_MISMATCH", async () => {
    const { loadText } = await start();
    await loadText("id,n\n1,10\n");
    const mismatch = { code: "TABLE_MISMATCH", retryable: false };
    await expect(loadText("id,price\n1,10\n")).rejects.toMatchObject(mismatch);
    await expect(loadText("id,n,more\n1,10,1\n")).rejects.toMatchObject(mismatch);
    await expect(loadText("id,n\n1,10\n", { mode: "merge", key: ["nr"] })).rejects.toMatchObject(mismatch);
  });

  test("a missing file is FILE_MISSING; invalid names are refused", async () => {
    const { file, load, loadText } = await start();
    const uri = await file("a.csv", "id\n1\n");
    const gone = uri.replace("a.csv", "gone.csv");
    await expect(load(gone)).rejects.toMatchObject({ code: "FILE_MISSING", retryable: false });
    for (const table of ["a; DROP TABLE b", "a.b.c", "_baton_jobs", ""])
      await expect(loadText("id\n1\n", { table })).rejects.toMatchObject({ code: "TASK_PARAMETERS_INVALID" });
  });

  test("a query fills its table: replace, append and merge", async () => {
    const { loadText, query, rows } = await start();
    await loadText("id,n,day\n1,10,2026-10-01\n2,20,2026-10-02\n3,30,2026-10-02\n");
    const sql = "SELECT day, sum(n) AS n FROM orders GROUP BY day; -- done";
    expect(await query(sql, { mode: "replace" })).toMatchObject({ table: "summary", rows: 2, tableRows: 2 });
    expect(await query(sql, { mode: "append" })).toMatchObject({ rows: 2, tableRows: 4 });
    expect(await query({ duckdb: sql, bigquery: sql }, { mode: "replace" })).toMatchObject({ tableRows: 2 });
    const changed =
      "SELECT 99 AS n, DATE '2026-10-02' AS day UNION ALL SELECT 1 AS n, DATE '2026-10-03' AS day";
    await query(changed, { mode: "merge", key: ["day"] });
    expect(await rows("SELECT day, n FROM summary ORDER BY day")).toEqual([
      { day: "2026-10-01", n: 10 },
      { day: "2026-10-02", n: 99 },
      { day: "2026-10-03", n: 1 },
    ]);
  });

  test("append and merge make their table", async () => {
    const { query, rows } = await start();
    expect(await query("SELECT 1 AS id", { table: "added" })).toMatchObject({ rows: 1, tableRows: 1 });
    const merge = { table: "crm.merged", mode: "merge", key: ["id"] } as const;
    expect(await query("SELECT 1 AS id", merge)).toMatchObject({ tableRows: 1 });
    expect(await query("SELECT 1 AS id", merge)).toMatchObject({ tableRows: 1 });
    expect(await rows("SELECT id FROM added UNION ALL SELECT id FROM crm.merged")).toHaveLength(2);
  });

  test("the same job id runs its query once", async () => {
    const { query, rows } = await start();
    await Promise.all([1, 2, 3].map(() => query("SELECT 1 AS a", {}, { jobId: "once" })));
    await query("SELECT 1 AS a", {}, { jobId: "once", attempt: "later" });
    expect(await rows("SELECT a FROM summary")).toEqual([{ a: 1 }]);
  });

  test("rows without a key, or that do not fit the table, leave it as it is", async () => {
    const { query, rows } = await start();
    await query("SELECT 1 AS id, 10 AS n");
    const merge = { mode: "merge", key: ["id"] } as const;
    await expect(query("SELECT CAST(NULL AS INTEGER) AS id, 1 AS n", merge)).rejects.toMatchObject({
      code: "SQL_FAILED",
      message: expect.stringMatching(/key.*id/),
    });
    const mismatch = { code: "TABLE_MISMATCH", retryable: false, message: expect.stringMatching(/price/) };
    await expect(query("SELECT 1 AS id, 2 AS price")).rejects.toMatchObject(mismatch);
    await expect(query("SELECT 1 AS price, 2 AS n", merge)).rejects.toMatchObject({ code: "TABLE_MISMATCH" });
    expect(await rows("SELECT id, n FROM summary")).toEqual([{ id: 1, n: 10 }]);
  });

  const least = { duckdb: "$least", bigquery: "@least" };
  const above = (dialect: "duckdb" | "bigquery") =>
    `SELECT id, ${least[dialect]} AS least FROM orders WHERE n >= ${least[dialect]} -- ' $other @other`;

  test("parameters are bound, never put into the text", async () => {
    const { loadText, query, rows } = await start();
    await loadText("id,n\n1,10\n2,20\n");
    const sql = { duckdb: above("duckdb"), bigquery: above("bigquery") };
    expect(await query(sql, {}, { parameters: { least: 15 } })).toMatchObject({ rows: 1 });
    expect(await rows(sql, { least: 5 })).toHaveLength(2);
    const text = "'; DROP TABLE orders; --";
    expect(await rows({ duckdb: "SELECT $t AS t", bigquery: "SELECT @t AS t" }, { t: text })).toEqual([
      { t: text },
    ]);
  });

  test("missing or unexpected parameters are SQL_FAILED, and so is SQL for another warehouse", async () => {
    const { query } = await start();
    const sql = { duckdb: above("duckdb"), bigquery: above("bigquery") };
    const refused = { code: "SQL_FAILED", retryable: false };
    await expect(query("SELECT 1 AS a", {}, { parameters: { unused: 1 } })).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(/unused/),
    });
    await expect(query({})).rejects.toMatchObject(refused);
    await expect(query(sql)).rejects.toMatchObject(refused);
  });

  test.each([
    "SELECT nope FROM orders",
    "SELECT 1 FROM nowhere",
    "SELEC 1",
    "SELECT 1 AS a; DROP TABLE orders",
    "DROP TABLE orders",
    "INSERT INTO orders (id, n) VALUES (9, 9)",
    "SELECT CAST('x' AS DATE) AS a",
    "",
  ])("%j is SQL_FAILED, for query and rows, and changes nothing", async (sql) => {
    const { loadText, query, rows } = await start();
    await loadText("id,n\n1,10\n");
    const failure = { code: "SQL_FAILED", retryable: false };
    for (const mode of ["replace", "append"] as const)
      await expect(query(sql, { mode })).rejects.toMatchObject(failure);
    await expect(rows(sql)).rejects.toMatchObject(failure);
    expect(await rows(allOrders)).toEqual([{ id: 1, n: 10 }]);
  });

  test("rows are plain JSON, and no more than asked for", async () => {
    const { warehouse, loadText } = await start();
    await loadText(`id\n${Array.from({ length: 2_500 }, (_, n) => n).join("\n")}\n`);
    const found = await warehouse.rows("SELECT id FROM orders ORDER BY id DESC", {}, 2_100, never);
    expect(found).toHaveLength(2_100);
    expect(found.at(-1)).toEqual({ id: 400 });
    const sql = `SELECT 9007199254740993 AS large, 1.25 AS price, DATE '2026-10-01' AS day, true AS yes,
      'x' AS text, NULL AS nothing, sum(id) AS total FROM orders`;
    expect(await warehouse.rows(sql, {}, 5, never)).toEqual([
      {
        large: "9007199254740993",
        price: 1.25,
        day: "2026-10-01",
        yes: true,
        text: "x",
        nothing: null,
        total: 3_123_750,
      },
    ]);
  });

  test("a job that failed is started again by another attempt, and runs once", async () => {
    const { file, load, loadText, rows } = await start();
    await loadText("id,n\n1,10\n");
    const uri = await file("late.csv", "id,n\n2,many\n");
    const job = { jobId: "fixed" };
    await expect(load(uri, {}, { ...job, attempt: "1" })).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
    await file("late.csv", "id,n\n2,20\n");
    expect(await load(uri, {}, { ...job, attempt: "2" })).toMatchObject({ rows: 1, tableRows: 2 });
    expect(await load(uri, {}, { ...job, attempt: "3" })).toMatchObject({ rows: 1 });
    expect(await rows(allOrders)).toHaveLength(2);
  });

  test("a job that is over, or never was, can be cancelled, which changes nothing", async () => {
    const { warehouse, query, rows } = await start();
    await query("SELECT 1 AS a", {}, { jobId: "over" });
    await warehouse.cancel("over");
    await warehouse.cancel("never was");
    expect(await query("SELECT 1 AS a", {}, { jobId: "over" })).toMatchObject({ rows: 1 });
    expect(await rows("SELECT a FROM summary")).toEqual([{ a: 1 }]);
  });

  test("a signal that is aborted ends the call with its reason", async () => {
    const { warehouse } = await start();
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(warehouse.rows("SELECT 1 AS one", {}, 1, signal)).rejects.toThrow("too late");
    const into = { table: "t", mode: "append", key: [] } as const;
    const job = { jobId: "late", sql: "SELECT 1 AS one", parameters: {}, into, signal };
    await expect(warehouse.query(job)).rejects.toThrow("too late");
  });
}
