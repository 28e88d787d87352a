import { execFile } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { openChunkTable } from "../../lib/chunk-table.ts";
import { openSearchDatabase } from "../../lib/search-database.ts";
import { temporaryFolder } from "../support.ts";

const child = fileURLToPath(new URL("./put-child.ts", import.meta.url));

test("processes that make and write the same files at once store everything once", async () => {
  const folder = temporaryFolder();
  const paths = [join(folder, "search.db"), join(folder, "chunks.db")] as const;
  const runs = [1, 2, 3].map(() => promisify(execFile)(process.execPath, [child, ...paths]));
  const added = (await Promise.all(runs)).map(({ stdout }) => Number(stdout));
  expect(added.reduce((sum, count) => sum + count)).toBe(100);
  const database = openSearchDatabase(paths[0]);
  expect(database.count()).toBe(100);
  expect(database.search("shared", 1_000)).toHaveLength(100);
  database.close();
  const table = openChunkTable(paths[1]);
  expect(table.count("d")).toBe(100);
  table.close();
});

test("a process waits until another has made the file", async () => {
  const folder = temporaryFolder();
  const paths = [join(folder, "search.db"), join(folder, "chunks.db")] as const;
  const maker = new DatabaseSync(paths[0]);
  maker.exec("BEGIN EXCLUSIVE; CREATE TABLE made (id)");
  const run = promisify(execFile)(process.execPath, [child, ...paths]);
  await Promise.race([run, delay(1_000)]);
  maker.exec("COMMIT");
  maker.close();
  expect((await run).stdout).toBe("100");
});
