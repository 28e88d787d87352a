import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { systemClock } from "../../src/adapters/system/system.ts";
import { deferring, eventually, key, newId, openStore } from "./sqlite-store-place.ts";

test("deferred writes are committed before the event loop receives anything", async () => {
  const opened = openStore();
  await eventually(async () => {
    const other = await deferring(opened);
    const id = newId();
    await opened.store.commit([{ kind: "create", key: { ...key, id }, data: {} }]);
    for (let tick = 0; tick < 3; tick++) await new Promise((resolve) => process.nextTick(resolve));
    return other.prepare("SELECT 1 FROM taskLogs WHERE id = ?").get(id) !== undefined;
  });
});

test("deferred writes are applied in order, and a refused one does not undo the others", async () => {
  const opened = openStore();
  await deferring(opened);
  const { store } = opened;
  const data = { arrivals: ["x"] };
  const create = () => store.commit([{ kind: "create", key, data }]);
  const [first, again, other] = await Promise.allSettled([
    create(),
    create(),
    store.commit([{ kind: "create", key: { ...key, id: "b/b" }, data }]),
  ]);
  expect([first.status, again.status, other.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  await store.sync(store.mark());
  expect(await store.count("taskLogs", { field: "arrivals", equals: "x" })).toBe(2);
});

test("what follows at once from a deferred write is in the same commit", async () => {
  const opened = openStore();
  const { store } = opened;
  const other = await deferring(opened);
  const stored = () => other.prepare("SELECT count(*) AS n FROM batches").get()?.n;
  const write = (id: string) =>
    store.commit([{ kind: "create", key: { collection: "batches", id }, data: {} }]);
  await write("b1");
  await write("b2");
  expect(stored()).toBe(0);
  await setImmediate();
  expect(stored()).toBe(2);
});

test("an error of SQLite fails all deferred writes of the turn, and the store keeps working", async () => {
  const opened = openStore();
  const { store, database } = opened;
  await deferring(opened);
  const pages = Number(database.prepare("PRAGMA page_count").get()?.page_count);
  database.exec(`PRAGMA max_page_count = ${pages + 8}`);
  const mark = store.mark();
  const text = "x".repeat(1_000_000);
  const results = await Promise.allSettled([
    store.commit([{ kind: "create", key, data: {} }]),
    store.commit([{ kind: "create", key: { ...key, id: "b/big" }, data: { text } }]),
  ]);
  expect(results).toMatchObject([
    { status: "rejected", reason: { code: "STORE_DISK_FULL" } },
    { status: "rejected", reason: { code: "STORE_DISK_FULL" } },
  ]);
  expect(store.mark()).not.toBe(mark);
  database.exec("PRAGMA max_page_count = 1000000");
  await store.commit([{ kind: "create", key, data: {} }]);
  await store.sync(store.mark());
  expect((await store.get(key)).document).toBeDefined();
});

test("a store that is closed stores its deferred writes first", async () => {
  const opened = openStore();
  await deferring(opened);
  const write = opened.store.commit([{ kind: "create", key, data: {} }]);
  opened.close();
  await write;
  expect((await openStore(opened.path).store.get(key)).document).toBeDefined();
});

test("a clock that is set back gives no version twice", async () => {
  let now = 1_000_000;
  const { store } = openStore(undefined, { ...systemClock, now: () => now });
  const first = await store.commit([{ kind: "create", key, data: {} }]);
  now -= 500_000;
  const second = await store.commit([{ kind: "update", key, version: first.version, data: {} }]);
  expect(Number(second.version)).toBeGreaterThan(Number(first.version));
});

test("when the disk is full, the whole turn is undone, the sync says so, and the store keeps working", async () => {
  const { store, database } = openStore();
  await store.sync(store.mark());
  const pages = Number(database.prepare("PRAGMA page_count").get()?.page_count);
  database.exec(`PRAGMA max_page_count = ${pages + 8}`);
  const mark = store.mark();
  const small = store.commit([{ kind: "create", key, data: { arrivals: ["x"] } }]);
  const big = store.commit([
    { kind: "create", key: { ...key, id: "b/big" }, data: { text: "x".repeat(1_000_000) } },
  ]);
  await small;
  await expect(big).rejects.toMatchObject({ code: "STORE_DISK_FULL" });
  await expect(store.sync(mark)).rejects.toMatchObject({ code: "STORE_DISK_FULL" });
  expect((await store.get(key)).document).toBeUndefined();
  expect(await store.count("taskLogs", { field: "arrivals", equals: "x" })).toBe(0);
  database.exec("PRAGMA max_page_count = 1000000");
  const later = store.mark();
  await store.commit([{ kind: "create", key, data: {} }]);
  await store.sync(later);
  expect((await store.get(key)).document).toBeDefined();
});
