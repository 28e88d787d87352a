import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../../ports/machine.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { GroupCommit } from "./group-commit.ts";

/** Moves stored times later than `now` back by `shiftMs`, and drops what is cached of them. */
export type ShiftTimes = (now: number, shiftMs: number) => void;

/** Clocks are often corrected by a little. A wait may become longer by this. */
const toleranceMs = 2_000;
/** How often the time is saved to disk, while there are writes and while there are none. */
const saveEveryMs = 1_000;
const saveIdleEveryMs = 60_000;

/**
 * The store's clock, which is the machine's. If a clock that was ahead is corrected, the stored times of leases, waits
 * and messages may lie years in the future and never come. So the latest time seen is stored on disk. When the clock
 * falls behind it, the first process that notices moves all stored times back in one transaction; the other processes
 * then find nothing to move.
 */
export class StoreClock implements Clock {
  readonly #clock: Clock;
  readonly #group: GroupCommit;
  readonly #logger: Logger;
  readonly #listeners: ShiftTimes[] = [];
  readonly #select: StatementSync;
  readonly #upsert: StatementSync;
  #latest: number;
  #savedTime: number;

  constructor(database: DatabaseSync, group: GroupCommit, clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#group = group;
    this.#logger = logger;
    group.writeNow(() =>
      database.exec(
        "CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), latest INTEGER NOT NULL) STRICT",
      ),
    );
    group.flush();
    this.#select = database.prepare("SELECT latest FROM clock");
    this.#upsert = database.prepare(
      "INSERT INTO clock (id, latest) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET latest = excluded.latest",
    );
    this.#latest = this.#readLatest();
    this.#savedTime = this.#latest;
    // Saved here and not by the brokers' first polls: several brokers of one process would block each other.
    if (clock.now() > this.#latest) this.#saveLatest(Math.floor(clock.now()));
    group.flush();
  }

  /** Registers a listener for a clock that was set back. */
  onSetBack(redate: ShiftTimes): void {
    this.#listeners.push(redate);
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void, isBackground?: boolean): () => void {
    return this.#clock.after(delayMs, callback, isBackground);
  }

  /** The time to store with a write. */
  writeTime(): number {
    const now = this.checkedNow();
    if (now - this.#savedTime >= saveEveryMs) this.#saveLatest(now);
    return now;
  }

  /** Checks the clock while there are no writes. Brokers call it at each poll. */
  saveWhileIdle(): void {
    const now = this.checkedNow();
    if (now - this.#savedTime >= saveIdleEveryMs) this.#saveLatest(now);
  }

  /** The time, after a check whether the clock was set back. */
  checkedNow(): number {
    const now = Math.floor(this.#clock.now());
    if (now < this.#latest - toleranceMs) this.#setBack(now);
    else this.#latest = Math.max(this.#latest, now);
    return now;
  }

  #setBack(now: number): void {
    this.#latest = now;
    this.#group.writeNow(() => {
      const shiftMs = Math.max(0, this.#readLatest() - now);
      for (const redate of this.#listeners) redate(now, shiftMs);
      this.#saveLatest(now);
      if (shiftMs <= toleranceMs) return;
      const setBackSeconds = Math.round(shiftMs / 1_000);
      this.#logger.warn("the clock was set back: stored waits and leases were moved back with it", {
        setBackSeconds,
      });
    });
  }

  #readLatest(): number {
    return Number(this.#group.read(() => this.#select.get())?.latest ?? 0);
  }

  #saveLatest(now: number): void {
    this.#group.writeNow(() => this.#upsert.run(now));
    this.#savedTime = now;
  }
}
