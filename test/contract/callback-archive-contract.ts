import { expect, test } from "vitest";
import type { ArchivedCallback, CallbackArchive } from "../../src/ports/callbacks.ts";
import type { Row, Warehouse } from "../../src/ports/warehouse.ts";

export interface ArchiveUnderTest {
  readonly archive: CallbackArchive;
  /** Of the same tables. */
  readonly warehouse: Warehouse;
}

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

/** What every archive of callbacks must do. */
export function describeCallbackArchive(open: () => Promise<ArchiveUnderTest>): void {
  const start = async () => {
    const { archive, warehouse } = await open();
    const rows = (sql: string): Promise<readonly Row[]> =>
      warehouse.rows(sql, {}, 100, new AbortController().signal);
    return { archive, rows, count: () => rows(`SELECT count(*) AS n FROM ${table}`) };
  };

  test("a stored callback is read back from a table with its columns in order", async () => {
    const { archive, rows } = await start();
    await archive.store(table, callback);
    expect(await archive.get(table, key)).toEqual(callback);
    const [row] = await rows(`SELECT * FROM ${table}`);
    expect(Object.keys(row ?? {})).toEqual([
      ...Object.keys(key),
      "status",
      "callback_payload",
      "created_at",
      "updated_at",
      "event_id",
      "url",
    ]);
    expect(row?.created_at).toMatch(/^2026-10-01T08:00:00\.123Z?$/);
  });

  test("the same event twice, and at once, leaves one row", async () => {
    const { archive, count } = await start();
    await archive.store(table, callback);
    await Promise.all([1, 2, 3].map(() => archive.store(table, callback)));
    expect(await count()).toEqual([{ n: 1 }]);
    expect(await archive.get(table, key)).toEqual(callback);
  });

  test("a later event of a key takes the row's place: the first time stays, the rest is the last's", async () => {
    const { archive, count } = await start();
    await archive.store(table, callback);
    const later = {
      ...callback,
      eventId: "event_2",
      payload: { total: 4 },
      createdAt: callback.createdAt + 1,
    };
    await archive.store(table, later);
    expect(await count()).toEqual([{ n: 1 }]);
    expect(await archive.get(table, key)).toEqual({ ...later, createdAt: callback.createdAt });
  });

  test("an absent field is a value like any other: one row, found by it only", async () => {
    const { archive, count } = await start();
    const withoutLead = { ...callback, eventId: "event_2", key: { ...key, lead_id: null } };
    for (const one of [callback, withoutLead, withoutLead]) await archive.store(table, one);
    expect(await count()).toEqual([{ n: 2 }]);
    expect(await archive.get(table, withoutLead.key)).toEqual(withoutLead);
    expect(await archive.get(table, key)).toEqual(callback);
    expect(await archive.get(table, { ...key, lead_id: "null" })).toBeUndefined();
  });

  test("a table with another key, or that is something else, is TABLE_MISMATCH and says how", async () => {
    const { archive } = await start();
    await archive.store(table, callback);
    const other = { ...callback, key: { job_id: "j1", contact_id: "c1" } };
    const mismatch = {
      code: "TABLE_MISMATCH",
      retryable: false,
      message: expect.stringMatching(/contact_id.*account_id, lead_id/),
    };
    await expect(archive.store(table, other)).rejects.toMatchObject(mismatch);
    await expect(archive.get(table, other.key)).rejects.toMatchObject(mismatch);
  });

  test("keys that can't be columns are refused, values are bound, and letter case does not matter", async () => {
    const { archive, count } = await start();
    const keys: ArchivedCallback["key"][] = [{}, { "": "x" }, { Status: "x" }, { a: "x", A: "y" }];
    for (const wrong of keys)
      await expect(archive.store(table, { ...callback, key: wrong })).rejects.toMatchObject({
        code: "TABLE_MISMATCH",
        retryable: false,
      });
    await expect(archive.store("a; DROP TABLE b", callback)).rejects.toMatchObject({
      code: "TASK_PARAMETERS_INVALID",
    });
    const odd = { ...callback, key: { order: "'; DROP TABLE x; --", straße: "ä`\\" } };
    await archive.store("crm.odd", odd);
    expect(await archive.get("crm.odd", odd.key)).toEqual(odd);
    expect(await archive.find("crm.odd", { equals: odd.key }, 9)).toEqual([odd]);
    await archive.store(table, callback);
    await archive.store(table, { ...callback, key: { Lead_ID: "l1", job_id: "j1", ACCOUNT_ID: "a1" } });
    expect(await count()).toEqual([{ n: 1 }]);
  });

  test("any JSON is kept; of half a surrogate pair the place is", async () => {
    const { archive } = await start();
    const payloads = [null, "", 0, [], {}, "\u001f\u2028", { "": [[]] }, "\\ud800", "x".repeat(2e6)];
    for (const [index, payload] of payloads.entries()) {
      const one = { ...callback, key: { n: String(index) }, payload };
      await archive.store("kept", one);
      expect((await archive.get("kept", one.key))?.payload).toEqual(payload);
    }
    await archive.store("kept", { ...callback, key: { n: "half" }, payload: ["\\\ud800", "\udfff", "😀"] });
    expect((await archive.get("kept", { n: "half" }))?.payload).toEqual(["\\\ufffd", "\ufffd", "😀"]);
  });

  const startWithThree = async () => {
    const opened = await start();
    const { archive } = opened;
    const three = [2, 0, 1].map((n) => ({
      ...callback,
      eventId: `event_${n}`,
      key: { job_id: `j${n}`, lead_id: n === 0 ? null : "l" },
      createdAt: callback.createdAt + n,
    }));
    for (const one of three) await archive.store(table, one);
    const idsOf = (found: readonly ArchivedCallback[]) => found.map(({ eventId }) => eventId);
    const where = async (text: string, limit = 9) => idsOf(await archive.find(table, { where: text }, limit));
    const equals = async (fields: Record<string, string>) =>
      idsOf(await archive.find(table, { equals: fields }, 9));
    return { ...opened, three, where, equals };
  };

  test("callbacks are found by SQL, oldest first, no more than asked for", async () => {
    const { archive, where, three } = await startWithThree();
    expect(await archive.find(table, { where: "lead_id IS NULL" }, 9)).toEqual([three[1]]);
    expect(await where("true")).toEqual(["event_0", "event_1", "event_2"]);
    expect(await where("true", 2)).toEqual(["event_0", "event_1"]);
    expect(await where("job_id > 'j0' OR false -- the later")).toEqual(["event_1", "event_2"]);
    expect(await where(`job_id IN (SELECT max(job_id) FROM ${table})`)).toEqual(["event_2"]);
  });

  test("callbacks are found by fields", async () => {
    const { archive, equals } = await startWithThree();
    expect(await equals({ lead_id: "l" })).toEqual(["event_1", "event_2"]);
    expect(await equals({ lead_id: "l", job_id: "j1", status: "completed" })).toEqual(["event_1"]);
    expect(await equals({ job_id: "' OR true; --" })).toEqual([]);
    expect(await equals({})).toHaveLength(3);
    await expect(equals({ job: "j1" })).rejects.toMatchObject({
      code: "SQL_FAILED",
      message: expect.stringMatching(/no column job; it has job_id, lead_id, status/),
    });
    expect(await archive.find("none_yet", { where: "true" }, 9)).toEqual([]);
    expect(await archive.get("none_yet", key)).toBeUndefined();
  });

  test.each([
    "nope = 1",
    "job_id = ",
    "",
    "true) UNION ALL SELECT 1 WHERE (true",
    `true); DROP TABLE ${table}; SELECT (1`,
    `true); DELETE FROM ${table} WHERE (true`,
    "CAST(job_id AS DATE) = '2026-10-01'",
  ])("the condition %j is SQL_FAILED, and changes nothing", async (text) => {
    const { where, count } = await startWithThree();
    await expect(where(text)).rejects.toMatchObject({ code: "SQL_FAILED", retryable: false });
    expect(await count()).toEqual([{ n: 3 }]);
  });
}
