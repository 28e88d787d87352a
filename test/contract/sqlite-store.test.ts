import { spawn } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { temporaryFolder } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";
import { lockInTurns, otherConnection } from "../support/other-writer.ts";
import { deferring, eventually, key, newId, openStore } from "./sqlite-store-place.ts";
import { describeStore } from "./store-contract.ts";

describe("the SQLite store keeps the contract", () => describeStore(() => openStore()));

describe("the SQLite store keeps the contract while another process writes", () =>
  describeStore(() => {
    const opened = openStore();
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

test("synced documents exist after the file is opened again; versions continue", async () => {
  const first = openStore();
  const { version } = await first.store.commit([{ kind: "create", key, data: { n: 1 } }]);
  await first.store.sync(0);
  first.close();
  const { store } = openStore(first.path);
  expect((await store.get(key)).document).toMatchObject({ data: { n: 1 }, version });
});

test("another connection sees nothing before the sync, everything after", async () => {
  const { store, path } = openStore();
  await store.commit([{ kind: "create", key, data: {} }]);
  const other = new DatabaseSync(path, { readOnly: true });
  onTestFinished(() => other.close());
  const count = () => other.prepare("SELECT count(*) AS n FROM taskLogs").get()?.n;
  expect(count()).toBe(0);
  await store.sync(0);
  expect(count()).toBe(1);
});

test("two stores on one file: one wins each race", async () => {
  const one = openStore();
  const other = openStore(one.path);
  await one.store.commit([{ kind: "create", key, data: { by: "one" } }]);
  await one.store.sync(0);
  await expect(other.store.commit([{ kind: "create", key, data: { by: "other" } }])).rejects.toThrow();
  expect((await other.store.get(key)).document?.data).toEqual({ by: "one" });
});

test("a count is stored with its documents, and is deleted with the last of them", async () => {
  const one = openStore();
  const data = { arrivals: ["x"] };
  const { version } = await one.store.commit([
    { kind: "create", key, data },
    { kind: "create", key: { ...key, id: "b/b" }, data },
  ]);
  await one.store.sync(0);
  const { store } = openStore(one.path);
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
  const { path, store } = openStore();
  await lockElsewhere(path, 500);
  const mark = store.mark();
  await store.commit([{ kind: "create", key, data: {} }]);
  await store.sync(mark);
  expect((await store.get(key)).document).toBeDefined();
});

test("a write does not wait for ever, and a read does not wait at all", async () => {
  const { path, store } = openStore(undefined, systemClock, 0.2);
  await lockElsewhere(path, 1e9);
  const write = store.commit([{ kind: "create", key, data: {} }]);
  await expect(write).rejects.toMatchObject({ code: "STORE_LOCKED" });
  expect((await store.get(key)).document).toBeUndefined();
});

test("the event loop does not stop while a write waits for another process", async () => {
  const { path, store } = openStore(undefined, systemClock, 30);
  const other = otherConnection(path);
  other.exec("BEGIN IMMEDIATE");
  const write = store.commit([{ kind: "create", key, data: {} }]);
  for (let turn = 0; turn < 5; turn++) await setImmediate();
  expect((await store.get(key)).document).toBeUndefined();
  other.exec("COMMIT");
  await write;
  expect((await store.get(key)).document).toBeDefined();
});

test("while another process writes too, the file is not locked for the code of a turn", async () => {
  const opened = openStore();
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
  const { store } = openStore(path);
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

test("a file without the columns and tables of lists gets them, filled from its documents", async () => {
  const first = openStore();
  for (const [n, startedBy] of ["manual", "retry of x"].entries())
    await first.store.commit([
      {
        kind: "create",
        key: { collection: "batches", id: `b${n}` },
        data: { workflowId: "w", status: "SUCCESS", startedBy, input: { n }, createdAt: n, endedAt: 9 - n },
      },
    ]);
  await first.store.sync(0);
  const indexes = ["by_createdAt", "by_endedAt", "of_workflowId_by_createdAt", "of_workflowId_by_endedAt"];
  for (const index of indexes) first.database.exec(`DROP INDEX batches_${index}`);
  for (const column of ["workflowId", "trigger", "createdAt", "endedAt"])
    first.database.exec(`ALTER TABLE batches DROP COLUMN "${column}"`);
  first.database.exec("DROP TABLE batches_inputs");
  first.close();
  const { store } = openStore(first.path);
  const list = async (field: string, equals: string, by: string) => {
    const found = await store.newest("batches", [{ field, equals }], { by }, 9);
    return found.documents.map(({ key }) => key.id);
  };
  expect(await list("workflowId", "w", "createdAt")).toEqual(["b1", "b0"]);
  expect(await list("workflowId", "w", "endedAt")).toEqual(["b0", "b1"]);
  expect(await list("trigger", "retry", "createdAt")).toEqual(["b1"]);
  expect(await list("inputs", "n=0", "createdAt")).toEqual(["b0"]);
});

test.each([
  [[], "createdAt", "batches_by_createdAt"],
  [["workflowId"], "createdAt", "batches_of_workflowId_by_createdAt"],
  [["workflowId", "status"], "endedAt", "batches_of_workflowId_by_endedAt"],
  [["status"], "endedAt", "batches_by_endedAt"],
  [["inputs"], "createdAt", "batches_inputs"],
])("a list of %j by %s reads an index, and the documents of its result alone", async (fields, by, index) => {
  const { store, database } = openStore();
  const plans: string[] = [];
  const { prepare } = database;
  database.prepare = (sql) => {
    if (sql.includes("rowid IN"))
      plans.push(
        ...prepare
          .call(database, `EXPLAIN QUERY PLAN ${sql}`)
          .all(...(sql.match(/\?/g) ?? []).map(() => 1))
          .map(({ detail }) => String(detail)),
      );
    return prepare.call(database, sql);
  };
  await store.newest(
    "batches",
    fields.map((field) => ({ field, equals: "x" })),
    { by },
    9,
  );
  expect(plans.join("\n")).toContain(index);
  expect(plans.filter((plan) => /SCAN batches(?! USING COVERING INDEX)/.test(plan))).toEqual([]);
});

test("documents are listed by a field from a value on, also those of a file without its column", async () => {
  const first = openStore();
  for (const [index, key] of ["b", "d", "a", "c"].entries())
    await first.store.commit([
      { kind: "create", key: { collection: "executions", id: `${index}` }, data: { key, state: "FREE" } },
    ]);
  await first.store.sync(0);
  first.database.exec('DROP INDEX executions_by_key; ALTER TABLE executions DROP COLUMN "key"');
  first.close();
  const { store } = openStore(first.path);
  const near = async (from: string, direction: "up" | "down") => {
    const found = await store.inOrder("executions", { field: "key", from, direction }, 2);
    return found.documents.map(({ data }) => data.key).join("");
  };
  expect(await near("b", "up")).toBe("cd");
  expect(await near("c", "down")).toBe("ba");
});
