import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { SqliteDocumentStore } from "../../src/adapters/sqlite/document-store.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { temporaryFolder } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";
import { lockInTurns, otherConnection } from "../support/other-writer.ts";
import { describeStore } from "./store-contract.ts";

function open(
  path = `${temporaryFolder()}/baton.sqlite`,
  clock: Clock = systemClock,
  lockTimeoutSeconds = 5,
) {
  const database = openDatabase({
    path,
    durability: "full",
    lockTimeoutSeconds,
    logger: createLogger("silent"),
  });
  const group = new GroupCommit(database, path);
  const store = new SqliteDocumentStore(
    database,
    group,
    new StoreClock(database, group, clock, createLogger("silent")),
  );
  const close = () => {
    group.flush();
    database.close();
  };
  onTestFinished(() => {
    if (database.isOpen) close();
  });
  return { path, database, group, store, close };
}

describe("the SQLite store keeps the contract", () => describeStore(() => open()));

describe("the SQLite store keeps the contract while another process writes", () =>
  describeStore(() => {
    const opened = open();
    lockInTurns(opened.path);
    return opened;
  }));

test("a file whose tables another process is still creating is Baton's own", () => {
  const path = `${temporaryFolder()}/baton.sqlite`;
  const options = {
    path,
    durability: "full",
    lockTimeoutSeconds: 5,
    logger: createLogger("silent"),
  } as const;
  const creator = openDatabase(options);
  creator.exec("CREATE TABLE first (id INTEGER)");
  expect(() => openDatabase(options).close()).not.toThrow();
  creator.close();
});

const key = { collection: "taskLogs", id: "b/a" } as const;

test("synced documents exist after the file is opened again; versions continue", async () => {
  const first = open();
  const { version } = await first.store.commit([{ kind: "create", key, data: { n: 1 } }]);
  await first.store.sync(0);
  first.close();
  const { store } = open(first.path);
  expect((await store.get(key)).document).toMatchObject({ data: { n: 1 }, version });
});

test("another connection sees nothing before the sync, everything after", async () => {
  const { store, path } = open();
  await store.commit([{ kind: "create", key, data: {} }]);
  const other = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => other.close());
  const count = () => other.prepare("SELECT count(*) AS n FROM taskLogs").get()?.n;
  expect(count()).toBe(0);
  await store.sync(0);
  expect(count()).toBe(1);
});

test("two stores on one file: one wins each race", async () => {
  const one = open();
  const other = open(one.path);
  await one.store.commit([{ kind: "create", key, data: { by: "one" } }]);
  await one.store.sync(0);
  await expect(other.store.commit([{ kind: "create", key, data: { by: "other" } }])).rejects.toThrow();
  expect((await other.store.get(key)).document?.data).toEqual({ by: "one" });
});

test("a count is stored with its documents, and is deleted with the last of them", async () => {
  const one = open();
  const data = { arrivals: ["x"] };
  const { version } = await one.store.commit([
    { kind: "create", key, data },
    { kind: "create", key: { ...key, id: "b/b" }, data },
  ]);
  await one.store.sync(0);
  const { store } = open(one.path);
  const count = () => store.count("taskLogs", { field: "arrivals", equals: "x" });
  expect(await count()).toBe(2);
  await store.commit([{ kind: "delete", key, version }]);
  expect(await count()).toBe(1);
  await store.commit([{ kind: "delete", key: { ...key, id: "b/b" }, version }]);
  await store.sync(0);
  expect(one.database.prepare("SELECT * FROM taskLogs_counts").all()).toEqual([]);
});

/** Another process holds the write lock of the file, for some time. */
async function lockElsewhere(path: string, milliseconds: number): Promise<void> {
  const script = fileURLToPath(new URL("../adapters/sqlite-lock-child.ts", import.meta.url));
  const child = endedWithTest(() =>
    spawn(process.execPath, [script, path, String(milliseconds)], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  await once(child.stdout, "data");
}

test("a write waits until another process has released the file", async () => {
  const { path, store } = open();
  await lockElsewhere(path, 500);
  const mark = store.mark();
  await store.commit([{ kind: "create", key, data: {} }]);
  await store.sync(mark);
  expect((await store.get(key)).document).toBeDefined();
});

test("a write does not wait for ever, and a read does not wait at all", async () => {
  const { path, store } = open(undefined, systemClock, 0.2);
  await lockElsewhere(path, 1e9);
  const write = store.commit([{ kind: "create", key, data: {} }]);
  await expect(write).rejects.toMatchObject({ code: "STORE_LOCKED" });
  expect((await store.get(key)).document).toBeUndefined();
});

test("the event loop does not stop while a write waits for another process", async () => {
  const { path, store } = open(undefined, systemClock, 30);
  const other = otherConnection(path);
  other.exec("BEGIN IMMEDIATE");
  const write = store.commit([{ kind: "create", key, data: {} }]);
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  expect((await store.get(key)).document).toBeUndefined();
  other.exec("COMMIT");
  await write;
  expect((await store.get(key)).document).toBeDefined();
});

const newId = () => `b/${randomUUID()}`;

/** Makes the store defer its next write: it has just seen another process write. */
async function deferring({ store, path }: ReturnType<typeof open>): Promise<DatabaseSync> {
  const other = otherConnection(path);
  other.exec("BEGIN IMMEDIATE");
  const write = store.commit([{ kind: "create", key: { ...key, id: newId() }, data: {} }]);
  other.exec("COMMIT");
  await write;
  await store.sync(store.mark());
  return other;
}

/** A second after another process was last seen, the store no longer defers. A busy machine may take that long. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 20; tries++) if (await isSo()) return;
  expect.fail("The store never deferred its write");
}

test("while another process writes too, the file is not locked for the code of a turn", async () => {
  const opened = open();
  await eventually(async () => {
    const other = await deferring(opened);
    other.exec("PRAGMA busy_timeout = 0");
    const write = opened.store.commit([{ kind: "create", key: { ...key, id: newId() }, data: {} }]);
    try {
      other.exec("BEGIN IMMEDIATE; COMMIT");
      return true;
    } catch {
      return false;
    } finally {
      await write;
    }
  });
});

test("deferred writes are committed before the event loop receives anything", async () => {
  const opened = open();
  await eventually(async () => {
    const other = await deferring(opened);
    const id = newId();
    await opened.store.commit([{ kind: "create", key: { ...key, id }, data: {} }]);
    for (let tick = 0; tick < 3; tick++) await new Promise((resolve) => process.nextTick(resolve));
    return other.prepare("SELECT 1 FROM taskLogs WHERE id = ?").get(id) !== undefined;
  });
});

test("deferred writes are applied in order, and a refused one does not undo the others", async () => {
  const opened = open();
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
  const opened = open();
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
  const opened = open();
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
  const opened = open();
  await deferring(opened);
  const write = opened.store.commit([{ kind: "create", key, data: {} }]);
  opened.close();
  await write;
  expect((await open(opened.path).store.get(key)).document).toBeDefined();
});

test("a clock that is set back gives no version twice", async () => {
  let now = 1_000_000;
  const { store } = open(undefined, { ...systemClock, now: () => now });
  const first = await store.commit([{ kind: "create", key, data: {} }]);
  now -= 500_000;
  const second = await store.commit([{ kind: "update", key, version: first.version, data: {} }]);
  expect(Number(second.version)).toBeGreaterThan(Number(first.version));
});

test("when the disk is full, the whole turn is undone, the sync says so, and the store keeps working", async () => {
  const { store, database } = open();
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

test("a file whose documents are ordered by id, as in earlier versions, still works", async () => {
  const path = `${temporaryFolder()}/baton.sqlite`;
  const earlier = new DatabaseSync(path);
  earlier.exec(`
    CREATE TABLE batches (
      id TEXT PRIMARY KEY, version INTEGER NOT NULL, updated INTEGER NOT NULL, data TEXT NOT NULL,
      arrays INTEGER NOT NULL,
      "status" TEXT, "lineageId" TEXT, "day" TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX batches_status ON batches ("status") WHERE "status" IS NOT NULL;
    INSERT INTO batches VALUES ('b1', 7, 1000, '{"status":"RUNNING"}', 0, 'RUNNING', NULL, NULL);
  `);
  earlier.close();
  const { store } = open(path);
  const running = { field: "status", equals: "RUNNING" };
  await store.commit([
    { kind: "create", key: { collection: "batches", id: "b0" }, data: { status: "RUNNING" } },
  ]);
  const found = await store.query("batches", [running], { limit: 10 });
  expect(found.documents.map(({ key: { id }, version }) => [id, version === 7])).toEqual([
    ["b0", false],
    ["b1", true],
  ]);
  const b1 = { collection: "batches", id: "b1" } as const;
  await store.commit([{ kind: "update", key: b1, version: 7, data: { status: "SUCCESS" } }]);
  expect(await store.count("batches", running)).toBe(1);
});

const batch = (id: string, workflowId: string) =>
  ({ kind: "create", key: { collection: "batches", id }, data: { workflowId, status: "RUNNING" } }) as const;

test("documents are listed in the order of their creation, newest first, and by page", async () => {
  const { store } = open();
  for (const id of ["c", "a", "d", "b"]) await store.commit([batch(id, id < "c" ? "early" : "late")]);
  const { version } = await store.commit([batch("e", "late")]);
  const data = { workflowId: "late", status: "SUCCESS" };
  await store.commit([{ kind: "update", key: { collection: "batches", id: "e" }, version, data }]);
  const newest = async (limit: number, conditions: Record<string, string>, startAfter?: string) => {
    const all = Object.entries(conditions).map(([field, equals]) => ({ field, equals }));
    const order = { by: "creation", ...(startAfter !== undefined && { startAfter }) } as const;
    const found = await store.inOrder("batches", all, order, limit);
    return found.documents.map(({ key }) => key.id).join("");
  };
  expect(await newest(9, {})).toBe("ebdac");
  expect(await newest(2, {})).toBe("eb");
  expect(await newest(2, {}, "b")).toBe("da");
  expect(await newest(2, {}, "erased")).toBe("");
  expect(await newest(9, { workflowId: "late" })).toBe("edc");
  expect(await newest(1, { workflowId: "late", status: "RUNNING" })).toBe("d");
});

test("documents are listed by a field from a value on, also those of a file without its column", async () => {
  const first = open();
  for (const [index, key] of ["b", "d", "a", "c"].entries())
    await first.store.commit([
      { kind: "create", key: { collection: "executions", id: `${index}` }, data: { key, state: "FREE" } },
    ]);
  await first.store.sync(0);
  first.database.exec('DROP INDEX executions_by_key; ALTER TABLE executions DROP COLUMN "key"');
  first.database.exec('DROP INDEX batches_by_workflowId; ALTER TABLE batches DROP COLUMN "workflowId"');
  first.close();
  const { store } = open(first.path);
  const near = async (from: string, direction: "up" | "down") => {
    const order = { by: "field", field: "key", from, direction } as const;
    const found = await store.inOrder("executions", [], order, 2);
    return found.documents.map(({ data }) => data.key).join("");
  };
  expect(await near("b", "up")).toBe("cd");
  expect(await near("c", "down")).toBe("ba");
  await store.commit([batch("new", "w")]);
  const newest = await store.inOrder(
    "batches",
    [{ field: "workflowId", equals: "w" }],
    { by: "creation" },
    1,
  );
  expect(newest.documents).toHaveLength(1);
});
