import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import type { DropMemory, DropRecord } from "../../ports/objects.ts";
import type { GroupCommit } from "./group-commit.ts";

/** Name of the row that says that the initial scan is over. No object has this name. */
const initialScanMarker = "";

/** Remembers the files of the inbox in the database file, so that a restart does not announce them again. */
export class SqliteDropMemory implements DropMemory {
  readonly #group: GroupCommit;
  readonly #get;
  readonly #put;
  readonly #names;
  readonly #delete;
  #hasOlderBatches: boolean;

  /** The tables of the document store must exist. */
  constructor(database: DatabaseSync, group: GroupCommit) {
    this.#group = group;
    this.#hasOlderBatches = group.writeNow(() => {
      database.exec(`
        CREATE TABLE IF NOT EXISTS inbox_drops (
          object TEXT PRIMARY KEY, inode TEXT NOT NULL, bytes TEXT NOT NULL, modified_ns TEXT NOT NULL,
          generation TEXT NOT NULL, announced INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
      `);
      const isMarked = database.prepare("SELECT 1 FROM inbox_drops WHERE object = ?").get(initialScanMarker);
      return !isMarked && database.prepare("SELECT 1 FROM batches LIMIT 1").get() !== undefined;
    });
    group.flush();
    this.#get = database.prepare("SELECT * FROM inbox_drops WHERE object = ?");
    this.#put = database.prepare(`
      INSERT INTO inbox_drops (object, inode, bytes, modified_ns, generation, announced) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (object) DO UPDATE SET inode = excluded.inode, bytes = excluded.bytes,
        modified_ns = excluded.modified_ns, generation = excluded.generation, announced = excluded.announced
    `);
    this.#names = database.prepare("SELECT object FROM inbox_drops WHERE object > ? ORDER BY object LIMIT ?");
    this.#delete = database.prepare("DELETE FROM inbox_drops WHERE object = ?");
  }

  get hasOlderBatches(): boolean {
    return this.#hasOlderBatches;
  }

  endInitialScan(): void {
    const nothing = { inode: "", bytes: "", modifiedNs: "" };
    this.put(initialScanMarker, { stat: nothing, generation: "", isAnnounced: true });
    this.#hasOlderBatches = false;
  }

  get(object: string): DropRecord | undefined {
    const row = this.#group.read(() => this.#get.get(object));
    return row && toDrop(row);
  }

  put(object: string, { stat, generation, isAnnounced }: DropRecord): void {
    const { inode, bytes, modifiedNs } = stat;
    this.#group.writeNow(() =>
      this.#put.run(object, inode, bytes, modifiedNs, generation, isAnnounced ? 1 : 0),
    );
  }

  names(after: string, limit: number): readonly string[] {
    return this.#group.read(() => this.#names.all(after, limit)).map((row) => String(row.object));
  }

  delete(object: string): void {
    this.#group.writeNow(() => this.#delete.run(object));
  }
}

function toDrop(row: Record<string, SQLOutputValue>): DropRecord {
  return {
    stat: { inode: String(row.inode), bytes: String(row.bytes), modifiedNs: String(row.modified_ns) },
    generation: String(row.generation),
    isAnnounced: row.announced === 1,
  };
}
