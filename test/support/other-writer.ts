import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";

/** A connection that another process could have, to the file of a store. It is closed with the test. */
export function otherConnection(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 60_000 });
  onTestFinished(() => database.close());
  return database;
}

/** Until the test ends, another connection has the write lock of the file in every other turn of the event loop. */
export function lockInTurns(path: string): void {
  const database = otherConnection(path);
  let next: NodeJS.Immediate;
  const lock = () => {
    database.exec("BEGIN IMMEDIATE");
    next = setImmediate(release);
  };
  const release = () => {
    database.exec("COMMIT");
    next = setImmediate(() => {
      next = setImmediate(lock);
    });
  };
  lock();
  onTestFinished(() => clearImmediate(next));
}
