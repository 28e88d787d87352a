import { DatabaseSync } from "node:sqlite";
import { SqliteDropMemory } from "../../src/adapters/sqlite/drop-memory.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";
import { DropMatcher, fileDrop } from "../../src/core/workflow/trigger.ts";

/** A memory in a database of its own, beside batches that exist or not. */
export function openMemory(path = ":memory:", batches = 0): SqliteDropMemory {
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE IF NOT EXISTS batches (id INTEGER)");
  for (let made = 0; made < batches; made += 1) database.exec("INSERT INTO batches VALUES (1)");
  return new SqliteDropMemory(database, new GroupCommit(database, path));
}

/** The interest of one workflow with these patterns, which archives into that folder. */
export function interestIn(patterns: readonly string[], archive?: string): DropMatcher {
  const task = applyTaskDefaults(
    archive === undefined
      ? { id: "take", type: "function" }
      : { id: "take", type: "archiveFile", with: { to: archive } },
  );
  const definition = { format: 1 as const, workflowId: "sales", tasks: [task] };
  return new DropMatcher("inbox", [{ definition, triggers: patterns.map((pattern) => fileDrop(pattern)) }]);
}
