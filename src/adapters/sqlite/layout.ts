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
 */
const currentLayout = 1;

/**
 * Brings an earlier file to this layout, in one transaction: a process that dies leaves the file as it was. Of several
 * processes that open it one does the work, while the others wait. Throws `STORE_NEWER` for a later layout.
 */
export function upgradeLayout(database: DatabaseSync, path: string, logger: Logger): void {
  if (readLayout(database, path) === currentLayout) return;
  const began = performance.now();
  database.exec("BEGIN IMMEDIATE");
  // Read again: another process may have done it meanwhile.
  const earlier = readLayout(database, path) < currentLayout ? earlierArrays(database) : [];
  if (earlier.length > 0)
    logger.info("the data are of an earlier version of Baton and are being converted", { path });
  for (const collection of earlier) convertArrays(database, collection, collections[collection]);
  database.exec(`PRAGMA user_version = ${currentLayout}`);
  database.exec("COMMIT");
  if (earlier.length > 0)
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
