import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock } from "../../ports/machine.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { GroupCommit } from "./group-commit.ts";

/**
 * Moves stored times that are later than `now` back by as much as the clock went, and forgets what is remembered of
 * them.
 */
export type ShiftTimes = (now: number, shiftMs: number) => void;

/** A clock is often corrected by a little. A wait that becomes longer by this does not matter. */
const toleranceMs = 2_000;
/** How far the time that is on disk may lie behind: while there are writes, and while there are none. */
const saveEveryMs = 1_000;
const saveIdleEveryMs = 60_000;

/**
 * The time of the store, which is that of the machine. A clock that was ahead and is set right leaves times behind
 * that would come years later: leases, waits and messages that could never end. The latest time that was seen is on
 * disk; when the clock falls behind it, the first process that notices moves all such times back, in one transaction,
 * and the others find it done.
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
    group.write(() =>
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
    // Here, and not by the first look of a broker: several of one process would stand in each other's way.
    if (clock.now() > this.#latest) this.#saveLatest(Math.floor(clock.now()));
    group.flush();
  }

  /** To be called back when the clock has been set back. */
  onSetBack(redate: ShiftTimes): void {
    this.#listeners.push(redate);
  }

  now(): number {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, callback);
  }

  /** The time that something is written with. */
  writeTime(): number {
    const now = this.checkedNow();
    if (now - this.#savedTime >= saveEveryMs) this.#saveLatest(now);
    return now;
  }

  /** Called from time to time by a process that works. */
  saveWhileIdle(): void {
    const now = this.checkedNow();
    if (now - this.#savedTime >= saveIdleEveryMs) this.#saveLatest(now);
  }

  /** Sees whether the clock has been set back; gives the time. */
  checkedNow(): number {
    const now = Math.floor(this.#clock.now());
    if (now < this.#latest - toleranceMs) this.#setBack(now);
    else this.#latest = Math.max(this.#latest, now);
    return now;
  }

  #setBack(now: number): void {
    this.#latest = now;
    this.#group.write(() => {
      const shiftMs = Math.max(0, this.#readLatest() - now);
      for (const redate of this.#listeners) redate(now, shiftMs);
      this.#saveLatest(now);
      if (shiftMs <= toleranceMs) return;
      const setBackSeconds = Math.round(shiftMs / 1_000);
      this.#logger.warn("the clock was set back: waits and leases go on as if it had not been", {
        setBackSeconds,
      });
    });
  }

  #readLatest(): number {
    return Number(this.#group.read(() => this.#select.get())?.latest ?? 0);
  }

  #saveLatest(now: number): void {
    this.#group.write(() => this.#upsert.run(now));
    this.#savedTime = now;
  }
}
