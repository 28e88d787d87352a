import type { DatabaseSync } from "node:sqlite";
import type { MaybePromise } from "../../ports/store.ts";
import { translateSqliteError, waitForLock } from "./database.ts";

/** The writes of one turn of the event loop. They are committed or rolled back together. */
export interface Group {
  readonly done: Promise<void>;
  failed: boolean;
}

/** Does work once for all writes of a group. */
export interface GroupMember {
  /** Runs statements of the group, the last ones. */
  beforeCommit(): void;
  onRollback(): void;
}

interface OpenGroup extends Group {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Group commit. The first write of a turn of the event loop opens a transaction. All later writes of the turn join it,
 * and it is committed with one sync of the disk when the turn ends. Until then no caller may acknowledge its writes:
 * `sync` waits for the commit.
 */
export class GroupCommit {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #lockTimeoutMs: number;
  readonly #begin;
  readonly #commit;
  readonly #members: GroupMember[] = [];
  #open: OpenGroup | undefined;
  #rolledBack = 0;
  #lastError: Error | undefined;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    // From here on we wait ourselves: SQLite would look for the lock after 1, 2, 5, 10 and then every 25 ms.
    this.#lockTimeoutMs = Number(database.prepare("PRAGMA busy_timeout").get()?.timeout);
    database.exec("PRAGMA busy_timeout = 0");
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
  }

  add(member: GroupMember): void {
    this.#members.push(member);
  }

  /** Runs statements inside the group of this turn. An error of SQLite rolls back the whole group. */
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

  /** Runs statements that only read. They see the writes of the open group. */
  read<T>(statements: () => T): T {
    try {
      return statements();
    } catch (error) {
      return this.#whenUnlocked(statements, error);
    }
  }

  /** Repeats a statement that found the file locked. */
  #whenUnlocked<T>(statement: () => T, thrown: unknown): T {
    try {
      return waitForLock(statement, this.#lockTimeoutMs, thrown);
    } catch (error) {
      throw translateSqliteError(error, this.#path);
    }
  }

  get current(): Group | undefined {
    return this.#open;
  }

  /** The number of groups rolled back so far, for a later `sync`. */
  mark(): number {
    return this.#rolledBack;
  }

  /** Fails if a group was rolled back since the mark, because it may have held the caller's writes. */
  sync(since: number): MaybePromise<void> {
    return this.#rolledBack === since ? this.#open?.done : Promise.reject(this.#lastError);
  }

  /** Commits the open group now instead of at the end of the turn. */
  flush(): void {
    const group = this.#open;
    if (!group) return;
    try {
      for (const member of this.#members) member.beforeCommit();
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
      this.#whenUnlocked(() => this.#begin.run(), error);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
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
    for (const member of this.#members) member.onRollback();
    // Perhaps nothing waits for it.
    group.done.catch(() => undefined);
    group.reject(error);
  }
}
