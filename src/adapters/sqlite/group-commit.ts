import type { DatabaseSync } from "node:sqlite";
import { translateSqliteError } from "./database.ts";

/** The writes of one turn of the event loop: they reach the disk together, or are undone together. */
export interface Group {
  readonly done: Promise<void>;
  failed: boolean;
}

interface OpenGroup extends Group {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Group commit. The first write of a turn opens a transaction, everything that becomes ready in the same turn
 * joins it, and it is committed, with one sync of the disk, when the turn ends. Until then nothing that it
 * holds may be acknowledged: `sync` waits for it.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #begin;
  readonly #commit;
  #open: OpenGroup | undefined;
  #rolledBack = 0;
  #lastError: Error | undefined;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
  }

  /** Runs statements inside the group of this turn. An error of SQLite undoes the whole group. */
  write<T>(statements: () => T): T {
    const group = this.#open ?? this.#openGroup();
    try {
      return statements();
    } catch (error) {
      const translated = translateSqliteError(error, this.#path);
      this.#rollBack(group, translated);
      throw translated;
    }
  }

  /** Runs statements that only read; they see what the open group has written. */
  read<T>(statements: () => T): T {
    try {
      return statements();
    } catch (error) {
      throw translateSqliteError(error, this.#path);
    }
  }

  /** The group that is open now, if any. */
  get current(): Group | undefined {
    return this.#open;
  }

  /** How many groups have been undone so far. */
  mark(): number {
    return this.#rolledBack;
  }

  /** Throws when a group has been undone since the mark: it may have held what the caller wrote. */
  async sync(since: number): Promise<void> {
    await this.#open?.done;
    if (this.#rolledBack !== since) throw this.#lastError;
  }

  /** Commits what is open, without waiting for the end of the turn. */
  flush(): void {
    const group = this.#open;
    if (!group) return;
    try {
      this.#commit.run();
      this.#open = undefined;
      group.resolve();
    } catch (error) {
      this.#rollBack(group, translateSqliteError(error, this.#path));
    }
  }

  #openGroup(): OpenGroup {
    try {
      this.#begin.run();
    } catch (error) {
      throw translateSqliteError(error, this.#path);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    promise.catch(() => undefined);
    const group: OpenGroup = { done: promise, failed: false, resolve, reject };
    this.#open = group;
    setImmediate(() => {
      if (this.#open === group) this.flush();
    });
    return group;
  }

  #rollBack(group: OpenGroup, error: Error): void {
    if (this.#open === group) this.#open = undefined;
    group.failed = true;
    this.#rolledBack += 1;
    this.#lastError = error;
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    group.reject(error);
  }
}
