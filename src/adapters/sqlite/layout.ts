import type { DatabaseSync } from "node:sqlite";
import { BatonError } from "../../core/errors/errors.ts";
import { type CollectionSpec, collectionNames, collections } from "../../core/storage/collections.ts";
import type { Logger } from "../../ports/telemetry.ts";

/**
 * The layout of the tables, kept as the file's `user_version` (sqlite.org/pragma.html#pragma_user_version).
 *
 * 0: the first one. Every string of a declared array has a row for each document, in `<collection>_entries`.
 * 1: such rows only for strings that are queried, and `<collection>_counts` for the others. The columns have other
 *    names, so that a program that knows only layout 0 fails at once and counts nothing wrong.
 * 2: rows also for the strings by which failed tasks are found. Batches are listed by times, not by days; their columns
 *    are added when the table is opened.
 */
const currentLayout = 2;

/**
 * Brings an earlier file to this layout, in one transaction: a process that dies leaves the file as it was. Of several
 * processes that open it one does the work, while the others wait. Throws `STORE_NEWER` for a later layout.
 */
export function upgradeLayout(database: DatabaseSync, path: string, logger: Logger): void {
  if (readLayout(database, path) === currentLayout) return;
  const began = performance.now();
  database.exec("BEGIN IMMEDIATE");
  // Read again: another process may have done it meanwhile.
  const isEarlier = readLayout(database, path) < currentLayout && hasDocuments(database);
  if (isEarlier) {
    logger.info("the data are of an earlier version of Baton and are being converted", { path });
    for (const collection of earlierArrays(database))
      convertArrays(database, collection, collections[collection]);
    findCountedStrings(database, "taskLogs", collections.taskLogs);
    database.exec("DROP INDEX IF EXISTS batches_day; DROP INDEX IF EXISTS batches_by_workflowId");
  }
  database.exec(`PRAGMA user_version = ${currentLayout}`);
  database.exec("COMMIT");
  if (isEarlier)
    logger.info("the data have been converted", { path, ms: Math.round(performance.now() - began) });
}

function readLayout(database: DatabaseSync, path: string): number {
  const layout = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (layout <= currentLayout) return layout;
  throw new BatonError(
    "STORE_NEWER",
    `The file has layout ${layout}. This version of Baton knows layouts up to ${currentLayout}`,
    { where: path },
  );
}

function hasDocuments(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'taskLogs'").get() !== undefined;
}

/** Adds the rows of strings that are queried now and were only counted before, and drops their counts. */
function findCountedStrings(database: DatabaseSync, collection: string, spec: CollectionSpec): void {
  const { isQueried = () => true } = spec;
  const isNowQueried = database.prepare(`SELECT value FROM "${collection}_counts"`).all();
  if (!isNowQueried.some(({ value }) => isQueried(String(value)))) return;
  database.function("is_queried", (value) => (isQueried(String(value)) ? 1 : 0));
  for (const array of spec.arrays)
    database.exec(`
      INSERT OR IGNORE INTO "${collection}_entries" (array, value, id)
        SELECT '${array}', each.value, stored.id
        FROM "${collection}" AS stored, json_each(stored.data, '$.${array}') AS each
        WHERE stored.arrays = 1 AND is_queried(each.value)
    `);
  database.exec(`DELETE FROM "${collection}_counts" WHERE is_queried(value)`);
}

/** Collections whose strings are stored as in layout 0. */
function earlierArrays(database: DatabaseSync): (keyof typeof collections)[] {
  const hasField = database.prepare("SELECT 1 FROM pragma_table_info(?) WHERE name = 'field'");
  return collectionNames.filter((name) => hasField.get(`${name}_entries`) !== undefined);
}

function convertArrays(database: DatabaseSync, collection: string, spec: CollectionSpec): void {
  const { isQueried = () => true } = spec;
  database.function("is_queried", (value) => (isQueried(String(value)) ? 1 : 0));
  const earlier = `"${collection}_entries_0"`;
  database.exec(`ALTER TABLE "${collection}_entries" RENAME TO ${earlier}`);
  if (spec.arrays.length > 0) {
    createArrayTables(database, collection);
    database.exec(`
      INSERT INTO "${collection}_counts" (array, value, documents)
        SELECT field, value, count(*) FROM ${earlier} WHERE NOT is_queried(value) GROUP BY field, value;
      INSERT INTO "${collection}_entries" (array, value, id)
        SELECT field, value, id FROM ${earlier} WHERE is_queried(value);
    `);
  }
  database.exec(`DROP TABLE ${earlier}`);
}

/** Creates the tables of the arrays of a collection, unless they exist. */
export function createArrayTables(database: DatabaseSync, collection: string): void {
  database.exec(`
    CREATE TABLE IF NOT EXISTS "${collection}_counts" (
      array TEXT NOT NULL, value TEXT NOT NULL, documents INTEGER NOT NULL, PRIMARY KEY (array, value)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS "${collection}_entries" (
      array TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (array, value, id)
    ) STRICT, WITHOUT ROWID;
  `);
}
