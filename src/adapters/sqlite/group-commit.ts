import type { DatabaseSync } from "node:sqlite";
import { BatonError } from "../../core/errors/errors.ts";
import type { MaybePromise } from "../../ports/store.ts";
import { isBusy, translateSqliteError, waitForLock } from "./database.ts";

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

/** A write that waits until this process has the file's lock. */
interface DeferredWrite {
  /** Runs the statements. Returns the function that answers the writer. */
  readonly run: () => () => void;
  readonly reject: (error: Error) => void;
}

/** How long writes are deferred after another process was seen to write. */
const sharedMs = 1_000;
/** How long the event loop may stand still for the lock: longer than most transactions of another process. */
const standStillMs = 0.4;
/** How often deferred writes try for the lock after that. */
const retryMs = 1;

/**
 * Group commit. The first write of a turn of the event loop opens a transaction. All later writes of the turn join it,
 * and it is committed with one sync of the disk when the turn ends. Until then no caller may acknowledge its writes:
 * `sync` waits for the commit.
 *
 * While another process writes to the same file, writes are deferred: a turn collects them, and its end runs them
 * together. So the file is locked for their statements and what follows from them at once, not for all code of the
 * turn, and the event loop does not stand still while the other process has a long transaction.
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
  #deferred: DeferredWrite[] = [];
  /** By the monotonic clock, in milliseconds: since when deferred writes wait. */
  #deferredSince = 0;
  /** Until when another process is expected to write. */
  #sharedUntil = 0;
  #isShared = false;

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

  /**
   * Runs statements inside the group of this turn; later, if another process writes to the file. An error of SQLite
   * rolls back the whole group.
   */
  write<T>(statements: () => T): MaybePromise<T> {
    if (!this.#open && (this.#isShared || !this.#tryOpen())) return this.#defer(statements);
    return this.writeNow(statements);
  }

  /** Like `write`, but at once: the event loop stands still until no other process holds the lock. */
  writeNow<T>(statements: () => T): T {
    const group = this.#open ?? this.#openGroup(this.#lockTimeoutMs);
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
      return this.#whenUnlocked(statements, this.#lockTimeoutMs, error);
    }
  }

  /** Repeats a statement that found the file locked. The event loop stands still meanwhile. */
  #whenUnlocked<T>(statement: () => T, waitMs: number, thrown: unknown): T {
    try {
      return waitForLock(statement, waitMs, thrown);
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

  /** Commits all writes now, deferred ones too, instead of at the end of the turn. */
  flush(): void {
    if (this.#deferred.length > 0) {
      if (!this.#open) this.#openGroup(this.#lockTimeoutMs);
      this.#runDeferred();
    }
    this.#commitOpen();
  }

  #commitOpen(): void {
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

  /** Opens a group unless another process holds the lock. */
  #tryOpen(): boolean {
    try {
      this.#begin.run();
    } catch (error) {
      if (!isBusy(error)) throw translateSqliteError(error, this.#path);
      this.#noteOtherWriter();
      return false;
    }
    this.#newGroup();
    return true;
  }

  #noteOtherWriter(): void {
    this.#isShared = true;
    this.#sharedUntil = performance.now() + sharedMs;
  }

  #defer<T>(statements: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = () => {
      const result = statements();
      return () => resolve(result);
    };
    this.#deferred.push({ run, reject });
    if (this.#deferred.length === 1) {
      this.#deferredSince = performance.now();
      setImmediate(() => this.#openForDeferred());
    }
    return promise;
  }

  /** Runs the deferred writes, now or as soon as the other process has released the lock. */
  #openForDeferred(): void {
    if (this.#deferred.length === 0) return;
    const now = performance.now();
    try {
      if (!this.#open) this.#openGroup(standStillMs);
    } catch (error) {
      this.#noteOtherWriter();
      const isOver = now - this.#deferredSince >= this.#lockTimeoutMs;
      if (error instanceof BatonError && error.code === "STORE_LOCKED" && !isOver)
        setTimeout(() => this.#openForDeferred(), retryMs);
      else this.#rejectDeferred(translateSqliteError(error, this.#path));
      return;
    }
    if (now > this.#sharedUntil) this.#isShared = false;
    this.#runDeferred();
    const group = this.#open;
    // When all that follows at once has run, so that the lock is not held while the event loop receives requests.
    queueMicrotask(() =>
      process.nextTick(() => {
        if (this.#open === group) this.#commitOpen();
      }),
    );
  }

  /** Runs the deferred writes in the open group. Their errors are also those of the whole group. */
  #runDeferred(): void {
    try {
      const answers = this.writeNow(() => this.#deferred.map((write) => write.run()));
      this.#deferred = [];
      for (const answer of answers) answer();
    } catch (error) {
      this.#rejectDeferred(translateSqliteError(error, this.#path));
    }
  }

  #rejectDeferred(error: Error): void {
    const writes = this.#deferred;
    this.#deferred = [];
    for (const { reject } of writes) reject(error);
  }

  #openGroup(waitMs: number): OpenGroup {
    try {
      this.#begin.run();
    } catch (error) {
      this.#whenUnlocked(() => this.#begin.run(), waitMs, error);
    }
    return this.#newGroup();
  }

  #newGroup(): OpenGroup {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const group: OpenGroup = { done: promise, failed: false, resolve, reject };
    this.#open = group;
    setImmediate(() => {
      if (this.#open === group) this.#commitOpen();
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
