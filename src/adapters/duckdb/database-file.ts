import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { errorCode, TaskError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { formatDuration } from "../../core/values/duration.ts";
import { noTaskTime, type TaskTime, type Turn } from "../../ports/task-runner.ts";
import { isLockError, isMachineFailure, machineFailure } from "./statements.ts";

export interface DatabaseFileOptions {
  /** Longest wait for another process that holds the file. Default: `limits.warehouseLockSeconds`. */
  readonly lockWaitMs?: number;
  /** Called every 30 s while another process holds the file. */
  readonly onLocked?: (heldMs: number) => void;
  /** The timeouts of the tasks that use the file, paused while a task waits for the file. */
  readonly time?: TaskTime;
  /** How long an unused file stays open. Default 500. */
  readonly idleMs?: number;
  /** How long the file stays open under constant use, before other processes get a chance. Default 5,000. */
  readonly holdMs?: number;
  /** Whether the database starts empty and is kept in memory only. Default false. */
  readonly inMemory?: boolean;
}

const firstRetryMs = 20;
const longestRetryMs = 200;
/** Interval of `onLocked`. */
const lockLogMs = 30_000;

/**
 * One DuckDB file. Only one process can hold it, so it is opened late and closed soon. Within the process, uses run one
 * after another.
 */
export class DatabaseFile {
  readonly path: string;
  readonly #options: Required<DatabaseFileOptions>;
  readonly #mutex = new Mutex();
  #instance: DuckDBInstance | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #openedAt = 0;
  #yieldUntil = 0;

  constructor(path: string, options: DatabaseFileOptions = {}) {
    this.path = resolve(path);
    this.#options = {
      lockWaitMs: limits.warehouseLockSeconds * 1_000,
      onLocked: () => undefined,
      time: noTaskTime,
      idleMs: 500,
      holdMs: 5_000,
      inMemory: false,
      ...options,
    };
  }

  /** Throws `WAREHOUSE_LOCKED`, `WAREHOUSE_FAILED`, the signal's reason, or the error of the work. */
  async use<T>(signal: AbortSignal, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const turn = this.#options.time.requestTurn();
    try {
      return await this.#mutex.runExclusive(signal, () => this.#useExclusively(turn, signal, work));
    } finally {
      turn.end();
    }
  }

  async #useExclusively<T>(
    turn: Turn,
    signal: AbortSignal,
    work: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    clearTimeout(this.#idleTimer);
    try {
      const connection = await (await this.#open(signal)).connect();
      turn.begin();
      try {
        return await interruptible(connection, signal, () => work(connection));
      } finally {
        connection.closeSync();
      }
    } catch (thrown) {
      if (!isMachineFailure(thrown)) throw thrown;
      this.#close();
      throw machineFailure(this.path, thrown);
    } finally {
      this.#release();
    }
  }

  /** Waits for the running work, then closes the file. A later use opens it again. */
  async close(): Promise<void> {
    await this.#mutex.runExclusive(undefined, async () => this.#close());
  }

  async #open(signal: AbortSignal): Promise<DuckDBInstance> {
    if (this.#instance) return this.#instance;
    const { DuckDBInstance } = await import("@duckdb/node-api").catch(duckDbMissing);
    if (this.#options.inMemory) {
      this.#instance = await DuckDBInstance.create(":memory:");
      this.#openedAt = performance.now();
      return this.#instance;
    }
    await mkdir(dirname(this.path), { recursive: true });
    await pause(this.#yieldUntil - performance.now(), signal);
    const startedAt = performance.now();
    let nextLogMs = lockLogMs;
    for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
      try {
        // From the cache: two instances of one file in one process would not see each other's locks.
        this.#instance = await DuckDBInstance.fromCache(this.path);
        this.#openedAt = performance.now();
        return this.#instance;
      } catch (thrown) {
        if (!isLockError(thrown)) throw machineFailure(this.path, thrown);
        const heldMs = performance.now() - startedAt;
        if (heldMs >= this.#options.lockWaitMs) throw lockedError(this.path, heldMs, thrown);
        if (heldMs >= nextLogMs) {
          this.#options.onLocked(heldMs);
          nextLogMs = heldMs + lockLogMs;
        }
      }
      await pause(waitMs, signal);
    }
  }

  #release(): void {
    if (!this.#instance) return;
    if (performance.now() - this.#openedAt >= this.#options.holdMs) {
      this.#close();
      // Longer than the retry interval of other processes, so that one of them gets the file.
      this.#yieldUntil = performance.now() + 2 * longestRetryMs;
      return;
    }
    this.#idleTimer = setTimeout(() => this.#close(), this.#options.idleMs).unref();
  }

  #close(): void {
    clearTimeout(this.#idleTimer);
    this.#instance?.closeSync();
    this.#instance = undefined;
  }
}

/** DuckDB ignores an interrupt between two statements, so it is repeated until the work has ended. */
async function interruptible<T>(
  connection: DuckDBConnection,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  let repeat: NodeJS.Timeout | undefined;
  const interrupt = () => {
    connection.interrupt();
    repeat = setInterval(() => connection.interrupt(), 20);
  };
  signal.addEventListener("abort", interrupt, { once: true });
  try {
    return await work();
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    signal.removeEventListener("abort", interrupt);
    clearInterval(repeat);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function lockedError(path: string, heldMs: number, cause: unknown): TaskError {
  return new TaskError(`Another process has held the warehouse ${path} for ${formatDuration(heldMs)}`, {
    code: "WAREHOUSE_LOCKED",
    retryable: true,
    cause,
  });
}

/** Runs one piece of work at a time, in the order of the calls. */
class Mutex {
  #last: Promise<void> = Promise.resolve();

  /** Runs the work when all earlier work has ended. Throws the signal's reason if it is aborted before. */
  async runExclusive<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const own = Promise.withResolvers<void>();
    this.#last = before.then(() => own.promise);
    try {
      await untilAborted(before, signal);
      return await work();
    } finally {
      own.resolve();
    }
  }
}

async function untilAborted(earlier: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return earlier;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([earlier, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A project installs the library itself, so that a function on Google Cloud need not. */
function duckDbMissing(cause: unknown): never {
  if (errorCode(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
  throw new TaskError("The local warehouse needs the package @duckdb/node-api, which is not installed", {
    code: "DUCKDB_MISSING",
    retryable: false,
    cause,
  });
}
