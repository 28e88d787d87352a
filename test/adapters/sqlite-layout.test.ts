import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { SqliteDocumentStore } from "../../src/adapters/sqlite/document-store.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { batchToken, eventToken, joinToken } from "../../src/core/settlement.ts";
import { copyOfOldData, oldBatch } from "../fixtures/version-0-1/old-version.ts";
import { temporaryFolder } from "../support/app.ts";
import { casesOfToday } from "../support/cases-of-today.ts";
import { endedWithTest } from "../support/child-process.ts";

const silent = createLogger("silent");

/** A copy of a file in layout 0, with three copies of a log under other names, and its join with it. */
function earlierFile(): string {
  const path = `${temporaryFolder()}/baton.sqlite`;
  cpSync(`${copyOfOldData("layout-0")}/baton.sqlite`, path);
  const database = new DatabaseSync(path);
  for (const copy of ["/good2", "/good3", "/good4"])
    database.exec(`
      INSERT INTO taskLogs SELECT replace(id, '/good', '${copy}'), version, updated, data, arrays FROM taskLogs
        WHERE id LIKE 'joins-%/good';
      INSERT INTO taskLogs_entries SELECT field, value, replace(id, '/good', '${copy}') FROM taskLogs_entries
        WHERE id LIKE 'joins-%/good';
    `);
  database.close();
  return path;
}

function open(path: string) {
  const opened = openFor(path);
  onTestFinished(opened.close);
  return opened;
}

function openFor(path: string) {
  const database = openDatabase({ path, durability: "full", lockTimeoutSeconds: 60, logger: silent });
  const group = new GroupCommit(database, path);
  const store = new SqliteDocumentStore(
    database,
    group,
    new StoreClock(database, group, systemClock, silent),
  );
  const close = () => {
    group.flush();
    database.close();
  };
  return { database, store, close };
}

const joins = oldBatch("joins");
const join = joinToken(joins, "6f625abd73385b3d", "ended");
const event = eventToken(joins, "go");

async function expectWhatWasStored(path: string): Promise<void> {
  const { database, store } = open(path);
  const count = (token: string) => store.count("taskLogs", { field: "arrivals", equals: token });
  expect(await count(join)).toBe(4);
  expect(await count(batchToken(oldBatch("held"), "CANCELLED"))).toBe(1);
  expect(await count(event)).toBe(1);
  const waiting = await store.query("taskLogs", [{ field: "arrivals", equals: event }], { limit: 9 });
  expect(waiting.documents.map(({ key }) => key.id)).toEqual([`${joins}/slow`]);
  expect(database.prepare("PRAGMA user_version").get()?.user_version).toBe(2);
  expect(database.prepare("PRAGMA integrity_check").get()?.integrity_check).toBe("ok");
  expect(
    database.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%\\_0' ESCAPE '\\'").all(),
  ).toEqual([]);
}

/** Opens the file in a process of its own, which may kill itself. Resolves with the number of its statements. */
function openElsewhere(path: string, fatal?: number): Promise<number | "killed"> {
  const script = fileURLToPath(new URL("sqlite-layout-child.ts", import.meta.url));
  const child = endedWithTest(() =>
    spawn(process.execPath, [script, path, ...(fatal === undefined ? [] : [String(fatal)])], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) =>
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") resolve("killed");
      else if (code === 0) resolve(Number(output));
      else reject(new Error(`it ended with ${code}`));
    }),
  );
}

test("the counts and the entries of an earlier layout are converted", async () => {
  await expectWhatWasStored(earlierFile());
});

test("a conversion that is killed before a statement changes nothing, and the next process does it", async () => {
  const statements = await openElsewhere(earlierFile());
  expect(statements).toBeGreaterThan(5);
  const killBefore = async (fatal: number) => {
    const path = earlierFile();
    expect(await openElsewhere(path, fatal)).toBe("killed");
    const database = new DatabaseSync(path);
    expect(database.prepare("PRAGMA user_version").get()?.user_version).toBe(0);
    expect(database.prepare("SELECT count(*) AS n FROM taskLogs_entries WHERE value = ?").get(join)?.n).toBe(
      4,
    );
    database.close();
    await expectWhatWasStored(path);
  };
  const all = Array.from({ length: Number(statements) }, (_, fatal) => fatal);
  await Promise.all(casesOfToday(all, 4).map(killBefore));
});

test("of several processes that open an earlier file at once one converts it, and all can use it", async () => {
  const path = earlierFile();
  await Promise.all(Array.from({ length: 4 }, () => openElsewhere(path)));
  await expectWhatWasStored(path);
});

test("a file of a later layout is refused, and left as it is", () => {
  const path = `${temporaryFolder()}/baton.sqlite`;
  openDatabase({ path, durability: "full", lockTimeoutSeconds: 5, logger: silent }).close();
  const later = new DatabaseSync(path);
  later.exec("PRAGMA user_version = 99");
  const opened = () => openDatabase({ path, durability: "full", lockTimeoutSeconds: 5, logger: silent });
  expect(opened).toThrow(expect.objectContaining({ code: "STORE_NEWER" }));
  expect(later.prepare("PRAGMA user_version").get()?.user_version).toBe(99);
  later.close();
});

test("strings that are only counted can't be queried", async () => {
  const { store } = open(`${temporaryFolder()}/baton.sqlite`);
  const found = store.query("taskLogs", [{ field: "arrivals", equals: join }], { limit: 9 });
  await expect(found).rejects.toThrow("only counted");
});

test("the failed tasks of a file in layout 1 are found, and counted as before", async () => {
  const path = `${temporaryFolder()}/baton.sqlite`;
  const failures = batchToken("b", "ERROR");
  const before = openFor(path);
  for (const taskId of ["one", "two"])
    await before.store.commit([
      {
        kind: "create",
        key: { collection: "taskLogs", id: `b/${taskId}` },
        data: { batchId: "b", taskId, arrivals: [failures, join] },
      },
    ]);
  before.close();
  const file = new DatabaseSync(path);
  file.exec(`
    DELETE FROM taskLogs_entries;
    INSERT INTO taskLogs_counts (array, value, documents) VALUES ('arrivals', '${failures}', 2);
    PRAGMA user_version = 1;
  `);
  file.close();
  const { store, database } = open(path);
  expect(await store.count("taskLogs", { field: "arrivals", equals: failures })).toBe(2);
  expect(await store.count("taskLogs", { field: "arrivals", equals: join })).toBe(2);
  const found = await store.query("taskLogs", [{ field: "arrivals", equals: failures }], { limit: 9 });
  expect(found.documents.map(({ key }) => key.id)).toEqual(["b/one", "b/two"]);
  expect(database.prepare("SELECT count(*) AS n FROM taskLogs_counts").get()?.n).toBe(1);
});
