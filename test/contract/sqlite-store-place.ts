import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { SqliteDocumentStore } from "../../src/adapters/sqlite/document-store.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { temporaryFolder } from "../support/app.ts";
import { otherConnection } from "../support/other-writer.ts";

export const key = { collection: "taskLogs", id: "b/a" } as const;

/** A store on a file, closed with the test. */
export function openStore(
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

export const newId = () => `b/${randomUUID()}`;

/** Makes the store defer its next write: it has just seen another process write. */
export async function deferring({ store, path }: ReturnType<typeof openStore>): Promise<DatabaseSync> {
  const other = otherConnection(path);
  other.exec("BEGIN IMMEDIATE");
  const write = store.commit([{ kind: "create", key: { ...key, id: newId() }, data: {} }]);
  other.exec("COMMIT");
  await write;
  await store.sync(store.mark());
  return other;
}

/** A second after another process was last seen, the store no longer defers. A busy machine may take that long. */
export async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 20; tries++) if (await isSo()) return;
  expect.fail("The store never deferred its write");
}
