import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { TaskError } from "../../core/errors.ts";
import { isLockedByOther, isMachineFailure, machineFailure } from "./errors.ts";
import { Turns } from "./turns.ts";

export interface DatabaseFileOptions {
  /** How long to wait for another process that holds the file. Default 30,000. */
  readonly lockWaitMs?: number;
  /** How long the file stays open when nobody uses it. Default 500. */
  readonly idleMs?: number;
  /** Under constant use the file is given up after this long, so that other processes get at it. Default 5,000. */
  readonly holdMs?: number;
  /** Whether to make no file: then it is empty, and forgotten. Default false. */
  readonly inMemory?: boolean;
}

const firstRetryMs = 20;
const longestRetryMs = 200;

/** One DuckDB file. One process at a time can hold it, so it is opened late and closed soon. One use at a time. */
export class DatabaseFile {
  readonly path: string;
  readonly #options: Required<DatabaseFileOptions>;
  readonly #turns = new Turns();
  #instance: DuckDBInstance | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #openedAt = 0;
  #yieldUntil = 0;

  constructor(path: string, options: DatabaseFileOptions = {}) {
    this.path = resolve(path);
    this.#options = { lockWaitMs: 30_000, idleMs: 500, holdMs: 5_000, inMemory: false, ...options };
  }

  /** Throws `WAREHOUSE_LOCKED`, `WAREHOUSE_FAILED`, the reason of the signal, or what the work threw. */
  async use<T>(signal: AbortSignal, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    return this.#turns.take(signal, async () => {
      clearTimeout(this.#idleTimer);
      try {
        const connection = await (await this.#open(signal)).connect();
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
    });
  }

  /** Waits for what is running, then lets go of the file. It opens again when it is used again. */
  async close(): Promise<void> {
    await this.#turns.take(undefined, async () => this.#close());
  }

  async #open(signal: AbortSignal): Promise<DuckDBInstance> {
    if (this.#instance) return this.#instance;
    const { DuckDBInstance } = await import("@duckdb/node-api");
    if (this.#options.inMemory) {
      this.#instance = await DuckDBInstance.create(":memory:");
      this.#openedAt = Date.now();
      return this.#instance;
    }
    await mkdir(dirname(this.path), { recursive: true });
    const giveUpAt = Date.now() + this.#options.lockWaitMs;
    await pause(this.#yieldUntil - Date.now(), signal);
    for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
      try {
        // From the cache: two instances of one file in one process would not see each other's locks.
        this.#instance = await DuckDBInstance.fromCache(this.path);
        this.#openedAt = Date.now();
        return this.#instance;
      } catch (thrown) {
        if (!isLockedByOther(thrown)) throw machineFailure(this.path, thrown);
        if (Date.now() >= giveUpAt) throw locked(this.path, this.#options.lockWaitMs, thrown);
      }
      await pause(waitMs, signal);
    }
  }

  #release(): void {
    if (!this.#instance) return;
    if (Date.now() - this.#openedAt >= this.#options.holdMs) {
      this.#close();
      // Longer than the others' retry, so that whoever waits gets its turn.
      this.#yieldUntil = Date.now() + 2 * longestRetryMs;
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

/** An interrupt that falls between two statements is lost, so it is repeated until the work has ended. */
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

function locked(path: string, lockWaitMs: number, cause: unknown): TaskError {
  return new TaskError(`Another process has held the warehouse ${path} for ${lockWaitMs / 1_000} seconds`, {
    code: "WAREHOUSE_LOCKED",
    retryable: true,
    cause,
  });
}
