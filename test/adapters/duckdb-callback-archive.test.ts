import { expect, onTestFinished, test } from "vitest";
import { WarehouseCallbackArchive } from "../../src/adapters/callback-archive/archive.ts";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../../src/adapters/duckdb/duckdb-warehouse.ts";
import type { ArchivedCallback } from "../../src/ports/callbacks.ts";
import { makeWarehouse } from "./duckdb-harness.ts";

const table = "enrichment_callbacks";
const key = { job_id: "j1", account_id: "a1", lead_id: "l1" };
const callback: ArchivedCallback = {
  eventId: "event_1",
  key,
  status: "completed",
  payload: { total: 3, list: [1.5, null, true, 'Zoë "😀"\n'] },
  url: "https://example.com/hook",
  createdAt: Date.parse("2026-10-01T08:00:00.123Z"),
};

async function makeArchive() {
  const harness = await makeWarehouse();
  const open = () => {
    const warehouse = new DuckDbWarehouse(new DatabaseFile(harness.path, {}));
    onTestFinished(() => warehouse.close());
    return { archive: new WarehouseCallbackArchive(warehouse), close: () => warehouse.close() };
  };
  return { ...harness, open, ...open() };
}

test("a stored callback is read back from a table with its columns in order", async () => {
  const { archive, rows } = await makeArchive();
  await archive.store(table, callback);
  expect(await archive.get(table, key)).toEqual(callback);
  const columns = await rows(
    `SELECT column_name AS name, data_type AS type FROM duckdb_columns()
     WHERE table_name = '${table}' ORDER BY column_index`,
  );
  expect(columns.map(({ name, type }) => `${name} ${type}`)).toEqual([
    "job_id VARCHAR",
    "account_id VARCHAR",
    "lead_id VARCHAR",
    "status VARCHAR",
    "callback_payload JSON",
    "created_at TIMESTAMP",
    "updated_at TIMESTAMP",
    "event_id VARCHAR",
    "url VARCHAR",
  ]);
  expect(await rows(`SELECT created_at FROM ${table}`)).toEqual([{ created_at: "2026-10-01T08:00:00.123" }]);
});

test("twice leaves one row: the first time stays, the rest is the last's", async () => {
  const { archive, rows } = await makeArchive();
  await archive.store(table, callback);
  const [before] = await rows(`SELECT updated_at FROM ${table}`);
  const later = {
    ...callback,
    eventId: "event_2",
    payload: { total: 4 },
    url: "https://example.com/new",
    createdAt: callback.createdAt + 1,
  };
  await archive.store(table, later);
  expect(await archive.get(table, key)).toEqual({ ...later, createdAt: callback.createdAt });
  const after = await rows(`SELECT updated_at FROM ${table}`);
  expect(after).toHaveLength(1);
  expect(String(after[0]?.updated_at) > String(before?.updated_at)).toBe(true);
});

test("an absent field is a value like any other: one row, found by it only", async () => {
  const { archive, rows } = await makeArchive();
  const withoutLead = { ...callback, eventId: "event_2", key: { ...key, lead_id: null } };
  for (const one of [callback, withoutLead, withoutLead]) await archive.store(table, one);
  expect(await rows(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 2 }]);
  expect(await archive.get(table, withoutLead.key)).toEqual(withoutLead);
  expect(await archive.get(table, key)).toEqual(callback);
  expect(await archive.get(table, { ...key, lead_id: "null" })).toBeUndefined();
});

test("a table with another key, or that is something else, is TABLE_MISMATCH and says how", async () => {
  const { archive, loadText, rows } = await makeArchive();
  await archive.store(table, callback);
  const other = { ...callback, key: { job_id: "j1", contact_id: "c1" } };
  const mismatch = {
    code: "TABLE_MISMATCH",
    retryable: false,
    message: expect.stringMatching(/contact_id.*account_id, lead_id/),
  };
  await expect(archive.store(table, other)).rejects.toMatchObject(mismatch);
  await expect(archive.get(table, other.key)).rejects.toMatchObject(mismatch);
  expect(await rows(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 1 }]);
  await loadText("id,n\n1,2\n");
  const foreign = { code: "TABLE_MISMATCH", message: expect.stringContaining("callback_payload") };
  await expect(archive.store("orders", callback)).rejects.toMatchObject(foreign);
  await expect(archive.find("orders", { equals: {} }, 9)).rejects.toMatchObject(foreign);
});

test("the order and case of the key's fields do not matter once the table is there", async () => {
  const { archive, rows } = await makeArchive();
  await archive.store(table, callback);
  await archive.store(table, { ...callback, key: { Lead_ID: "l1", job_id: "j1", ACCOUNT_ID: "a1" } });
  expect(await rows(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 1 }]);
});

test("keys that can't be columns are refused, names are quoted", async () => {
  const { archive } = await makeArchive();
  const keys: ArchivedCallback["key"][] = [
    {},
    { "": "x" },
    { Status: "x" },
    { event_id: "x" },
    { a: "x", A: "y" },
  ];
  for (const wrong of keys)
    await expect(archive.store(table, { ...callback, key: wrong })).rejects.toMatchObject({
      code: "TABLE_MISMATCH",
      retryable: false,
    });
  await expect(archive.store("a; DROP TABLE b", callback)).rejects.toMatchObject({
    code: "TASK_PARAMETERS_INVALID",
  });
  const odd = { ...callback, key: { 'my "job" id': "'; DROP TABLE x; --", "ключ.id": "ä", order: "1" } };
  await archive.store("crm.select", odd);
  expect(await archive.get("crm.select", odd.key)).toEqual(odd);
  expect(await archive.find("crm.select", { equals: odd.key }, 9)).toEqual([odd]);
});

test("any JSON is kept; of half a surrogate pair DuckDB keeps the place", async () => {
  const { archive } = await makeArchive();
  const payloads = [
    null,
    "",
    0,
    [],
    {},
    "\u0000\u001f\u2028",
    { __proto__x: 1, "": [[]] },
    "\\ud800",
    "x".repeat(9e6),
  ];
  for (const [index, payload] of payloads.entries()) {
    const one = { ...callback, key: { n: String(index) }, payload };
    await archive.store("kept", one);
    expect((await archive.get("kept", one.key))?.payload).toEqual(payload);
  }
  await archive.store("kept", { ...callback, key: { n: "half" }, payload: ["\\\ud800", "\udfff", "😀"] });
  expect((await archive.get("kept", { n: "half" }))?.payload).toEqual(["\\\ufffd", "\ufffd", "😀"]);
});

async function makeThree() {
  const made = await makeArchive();
  const three = [2, 0, 1].map((n) => ({
    ...callback,
    eventId: `event_${n}`,
    key: { job_id: `j${n}`, lead_id: n === 0 ? null : "l" },
    payload: { n },
    createdAt: callback.createdAt + n,
  }));
  for (const one of three) await made.archive.store(table, one);
  const idsOf = (found: readonly ArchivedCallback[]) => found.map(({ eventId }) => eventId);
  const where = async (text: string, limit = 9) =>
    idsOf(await made.archive.find(table, { where: text }, limit));
  return { ...made, three, where };
}

test("callbacks are found by SQL, oldest first, no more than asked for", async () => {
  const { archive, where, three } = await makeThree();
  expect(await archive.find(table, { where: "lead_id IS NULL" }, 9)).toEqual([three[1]]);
  expect(await where("true")).toEqual(["event_0", "event_1", "event_2"]);
  expect(await where("true", 2)).toEqual(["event_0", "event_1"]);
  expect(await where("CAST(callback_payload->>'n' AS INTEGER) >= 1 OR false -- the later")).toEqual([
    "event_1",
    "event_2",
  ]);
  expect(await where(`${table}.job_id IN (SELECT max(job_id) FROM ${table})`)).toEqual(["event_2"]);
});

test.each([
  ["nope = 1", /"nope" not found.*LINE 2: nope = 1/s],
  ["job_id = ", /syntax error/],
  ["", /syntax error/],
  ["true) UNION ALL SELECT 1 WHERE (true", /./],
  ["true); DROP TABLE enrichment_callbacks; SELECT (1", /multiple statements/],
  ["job_id = $job", /parameter/],
  ["CAST(job_id AS INTEGER) = 1", /Could not convert/],
  ["nextval('numbers') > 0", /read-only/],
])("%j is SQL_FAILED with DuckDB's message, and changes nothing", async (text, message) => {
  const { archive, where, rows, path } = await makeThree();
  await new DatabaseFile(path, {}).use(new AbortController().signal, (connection) =>
    connection.run("CREATE SEQUENCE numbers"),
  );
  await expect(where(text)).rejects.toMatchObject({
    code: "SQL_FAILED",
    retryable: false,
    message: expect.stringMatching(message),
  });
  await archive.store(table, { ...callback, key: { job_id: "j9", lead_id: null } });
  expect(await rows(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 4 }]);
});

test("another instance, after the first and beside it, sees and writes the same table", async () => {
  const { archive, close, open, rows } = await makeArchive();
  await archive.store(table, callback);
  await close();
  const { archive: second } = open();
  expect(await second.get(table, key)).toEqual(callback);
  const keys = Array.from({ length: 20 }, (_, n) => ({ ...key, job_id: `j${n % 10}` }));
  await Promise.all(
    keys.map((one, n) =>
      (n < 10 ? archive : second).store(table, { ...callback, key: { ...one, lead_id: `${n}` } }),
    ),
  );
  expect(await rows(`SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 21 }]);
});

test("a row that another program left empty is TABLE_MISMATCH", async () => {
  const { archive, loadText } = await makeArchive();
  await archive.store(table, callback);
  const header = "job_id,account_id,lead_id,status,callback_payload,created_at,updated_at,event_id,url";
  await loadText(`${header}\nj2,,,completed,{},2026-10-01 08:00:00,2026-10-01 08:00:00,,\n`, { table });
  await expect(archive.get(table, { job_id: "j2", account_id: null, lead_id: null })).rejects.toMatchObject({
    code: "TABLE_MISMATCH",
  });
});
