import { expect, test } from "vitest";
import { finished, shorthand } from "../contract/warehouse-contract-shorthand.ts";
import { makeBigQuery } from "./bigquery-harness.ts";

const quick = { waitMs: 1 };

async function start(options: Parameters<typeof makeBigQuery>[0] = {}) {
  const made = await makeBigQuery(options);
  const { warehouse, file } = made;
  return { ...made, ...shorthand({ warehouse, file }) };
}

test("a job that outlasts the wait is said to run; asking again finds it, and never begins a second", async () => {
  const { server, file, loadState, rows, another } = await start(quick);
  const uri = await file("a.csv", "id\n1\n");
  server.holdJobs();
  const job = { jobId: "long", attempt: "1" };
  expect(await loadState(uri, {}, job)).toEqual({ kind: "running" });
  expect(await loadState(uri, {}, job)).toEqual({ kind: "running" });
  const elsewhere = shorthand({ warehouse: another(), file });
  expect(await elsewhere.loadState(uri, {}, { ...job, attempt: "2" })).toEqual({ kind: "running" });
  server.releaseJobs();
  expect(await finished(() => elsewhere.loadState(uri, {}, { ...job, attempt: "2" }))).toMatchObject({
    rows: 1,
  });
  expect(server.jobs().map(({ id }) => id.replace(/_\w{60}_/, "_"))).toEqual(["baton_0_stage", "baton_0"]);
  expect(await rows("SELECT id FROM orders")).toEqual([{ id: 1 }]);
});

test("cancel ends a running job; the attempt that started it fails, and another one starts it again", async () => {
  const { server, warehouse, queryState, query, rows } = await start(quick);
  server.holdJobs();
  const job = { jobId: "long", attempt: "1" };
  expect((await queryState("SELECT 1 AS a", {}, job)).kind).toBe("running");
  await warehouse.cancel("long");
  server.releaseJobs();
  await expect(query("SELECT 1 AS a", {}, job)).rejects.toMatchObject({
    code: "WAREHOUSE_JOB_STOPPED",
    retryable: false,
  });
  expect(await rows("SELECT a FROM summary")).toEqual([]);
  expect(await query("SELECT 1 AS a", {}, { ...job, attempt: "2" })).toMatchObject({ rows: 1, tableRows: 1 });
});

test("cancel ends a job at its stage, and skips the later stages", async () => {
  const { server, warehouse, file, load, loadState } = await start(quick);
  const uri = await file("a.csv", "id\n1\n");
  const job = { jobId: "staged", attempt: "1" };
  server.holdJobs();
  expect((await loadState(uri, { mode: "merge", key: ["id"] }, job)).kind).toBe("running");
  await warehouse.cancel("staged");
  server.releaseJobs();
  await expect(load(uri, { mode: "merge", key: ["id"] }, job)).rejects.toMatchObject({
    code: "WAREHOUSE_JOB_STOPPED",
  });
  expect(server.jobs()).toHaveLength(1);
});

test.each(["backendError", "rateLimitExceeded", "internalError"])(
  "a job that failed with %s may be tried again, and the next attempt does it",
  async (reason) => {
    const { server, loadText, file, load, rows } = await start();
    await loadText("id\n1\n");
    const uri = await file("b.csv", "id\n2\n");
    server.failNextJob(reason, "Try again later.");
    await expect(load(uri, {}, { jobId: "b", attempt: "1" })).rejects.toMatchObject({
      code: "WAREHOUSE_FAILED",
      retryable: true,
    });
    expect(await load(uri, {}, { jobId: "b", attempt: "2" })).toMatchObject({ rows: 1, tableRows: 2 });
    expect(await rows("SELECT id FROM orders ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }]);
  },
);

test("a job that fails during the wait is not started again by the same attempt", async () => {
  const { server, queryState, query } = await start(quick);
  server.holdJobs();
  const job = { jobId: "fails", attempt: "1" };
  await queryState("SELECT 1 AS a", {}, job);
  server.failNextJob("invalidQuery", "Division by zero: 1 / 0");
  server.releaseJobs();
  for (let asked = 0; asked < 2; asked++)
    await expect(query("SELECT 1 AS a", {}, job)).rejects.toMatchObject({
      code: "SQL_FAILED",
      retryable: false,
      message: expect.stringMatching(/Division by zero/),
    });
  expect(server.jobs()).toHaveLength(1);
});

test("conflicting writers are retried; a missing permission is reported", async () => {
  const { server, query } = await start();
  const failing = async (reason: string, message: string) => {
    server.failNextJob(reason, message);
    return query("SELECT 1 AS a");
  };
  const conflict = "Could not serialize access to table test:baton.summary due to concurrent update";
  await expect(failing("invalidQuery", conflict)).rejects.toMatchObject({ retryable: true });
  await expect(failing("accessDenied", "Access Denied: Table test:baton.summary")).rejects.toMatchObject({
    code: "WAREHOUSE_DENIED",
    retryable: false,
  });
});

test("a query that would cost more than its limit is refused, by its own limit before the common one", async () => {
  const { query, rows } = await start({ maximumBytesBilled: 1_000 });
  const dear = { code: "QUERY_TOO_EXPENSIVE", retryable: false, message: expect.stringMatching(/1000/) };
  await expect(query("SELECT 1 AS a")).rejects.toMatchObject(dear);
  await expect(rows("SELECT 1 AS a")).rejects.toMatchObject(dear);
  const allowed = { maximumBytesBilled: 20_000_000 };
  expect(await query("SELECT 1 AS a", {}, allowed)).toEqual({
    table: "summary",
    rows: 1,
    tableRows: 1,
    bytesBilled: 10_485_760,
  });
});

test("a load costs nothing but its merge; nothing of its stage is left", async () => {
  const { server, loadText, rows } = await start();
  expect(await loadText("id\n1\n")).not.toHaveProperty("bytesBilled");
  expect(server.meter.of("bytes_billed")).toBe(0);
  const merged = await loadText("id\n1\n2\n", { mode: "merge", key: ["id"] });
  expect(merged).toMatchObject({ rows: 2, tableRows: 2, bytesBilled: 10_485_760 });
  await loadText("id\n3\n", { mode: "replace" });
  expect(await rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'baton'")).toEqual(
    [{ table_name: "orders" }],
  );
});

test("a staging table that expired before the merge is loaded again by the next attempt", async () => {
  const { server, file, load, loadState, rows } = await start(quick);
  const uri = await file("a.csv", "id\n1\n");
  const merge = { mode: "merge", key: ["id"] } as const;
  const job = { jobId: "expired", attempt: "1" };
  server.holdJobs();
  await loadState(uri, merge, job);
  server.releaseJobs();
  await expect.poll(() => server.jobs()[0]?.state).toBe("DONE");
  const [stage] = await rows(
    "SELECT table_name FROM information_schema.tables WHERE table_name LIKE '_baton%'",
  );
  await fetch(`${server.url}/bigquery/v2/projects/test/datasets/baton/tables/${stage?.table_name}`, {
    method: "DELETE",
  });
  await expect(load(uri, merge, job)).rejects.toMatchObject({ code: "WAREHOUSE_FAILED", retryable: true });
  expect(await load(uri, merge, { ...job, attempt: "2" })).toMatchObject({ rows: 1, tableRows: 1 });
});

test("a query with different rows of one key is refused; equal rows count once", async () => {
  const { query, rows } = await start();
  const merge = { mode: "merge", key: ["id"] } as const;
  const twice = (second: number) => `SELECT 1 AS id, 5 AS n UNION ALL SELECT 1 AS id, ${second} AS n`;
  await expect(query(twice(6), merge)).rejects.toMatchObject({
    code: "SQL_FAILED",
    message: expect.stringMatching(/different rows have the same key \(id\)/),
  });
  expect(await query(twice(5), merge)).toMatchObject({ rows: 1 });
  expect(await rows("SELECT id, n FROM summary")).toEqual([{ id: 1, n: 5 }]);
});

test("texts that come as they are: leading zeros stay where the table says that they are text", async () => {
  const { loadText, query, rows } = await start();
  await query("SELECT '1' AS code, 1 AS n", { table: "orders" });
  await loadText("n,code\n2,007\n");
  await loadText("n,code\n3,008\n", { mode: "merge", key: ["code"] });
  expect(await rows("SELECT code FROM orders ORDER BY n")).toEqual([
    { code: "1" },
    { code: "007" },
    { code: "008" },
  ]);
});

test("nested values and times are plain JSON", async () => {
  const { rows } = await start();
  const sql = `SELECT TIMESTAMP '2026-10-01 08:00:00.5' AS at, [1, 2] AS list, {'a': 1, 'b': ['x']} AS nested,
    CAST('{"k": [1, null]}' AS JSON) AS json, CAST('NaN' AS DOUBLE) AS nan`;
  expect(await rows(sql)).toEqual([
    {
      at: "2026-10-01T08:00:00.500Z",
      list: [1, 2],
      nested: { a: 1, b: ["x"] },
      json: { k: [1, null] },
      nan: "NaN",
    },
  ]);
});

test("parameters have the types of their JSON", async () => {
  const { rows } = await start();
  const parameters = {
    text: "x",
    whole: 3,
    real: 1.5,
    yes: true,
    list: [1, 2],
    mixed: [1, 2.5],
    nothing: null,
  };
  const names = Object.keys(parameters).map((name) => `@${name} AS ${name}`);
  expect(await rows(`SELECT ${names.join(", ")}`, parameters)).toEqual([parameters]);
  await expect(rows("SELECT @list AS list", { list: [1, "x"] })).rejects.toMatchObject({
    code: "SQL_FAILED",
  });
});

test("a file of another place is refused, before anything is asked", async () => {
  const { server, load } = await start();
  await expect(load("file:///tmp/a.csv")).rejects.toMatchObject({ code: "TASK_PARAMETERS_INVALID" });
  expect(server.meter.of("api_calls")).toBe(0);
});

test("jobs are found again in the place where they run", async () => {
  const { server, loadText } = await start({ location: "europe-west6" });
  expect(await loadText("id\n1\n")).toMatchObject({ rows: 1 });
  expect(server.jobs().map(({ location }) => location)).toEqual(["europe-west6", "europe-west6"]);
});

test("a server that does not answer is a failure that may pass", async () => {
  const { server, loadText } = await start();
  server.setFaults(() => ({ kind: "not_sent" }));
  await expect(loadText("id\n1\n")).rejects.toMatchObject({ code: "WAREHOUSE_FAILED", retryable: true });
});

test("the signal ends the wait, and leaves the job to the next caller", async () => {
  const { server, warehouse, query } = await start();
  server.holdJobs();
  const controller = new AbortController();
  const into = { table: "summary", mode: "append", key: [] } as const;
  const job = { jobId: "left", attempt: "1", sql: "SELECT 1 AS a", parameters: {}, into };
  const left = warehouse.query({ ...job, signal: controller.signal });
  await expect.poll(() => server.jobs().length).toBe(1);
  controller.abort(new Error("shutting down"));
  await expect(left).rejects.toThrow("shutting down");
  server.releaseJobs();
  expect(await query(job.sql, into, { jobId: "left", attempt: "2" })).toMatchObject({
    rows: 1,
    tableRows: 1,
  });
  expect(server.jobs()).toHaveLength(1);
});
