import type { Timestamp } from "./wire.ts";

/** A moment of the store, in microseconds since 1970; exact up to the year 2255. */
export type Micros = number;

export function toMicros({ seconds = 0, nanos = 0 }: Timestamp): Micros {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1_000);
}

export function toTimestamp(micros: Micros): Timestamp {
  const seconds = Math.floor(micros / 1_000_000);
  return { seconds: String(seconds), nanos: (micros - seconds * 1_000_000) * 1_000 };
}

/** The clock of the store: it never goes back, and no two commits share a moment. */
export class StoreClock {
  #aheadMs = 0;
  #latest: Micros = 0;

  /** Milliseconds since 1970. */
  now(): number {
    return Date.now() + this.#aheadMs;
  }

  advance(ms: number): void {
    if (ms < 0) throw new RangeError("The clock of a store does not go back.");
    this.#aheadMs += ms;
  }

  /** A moment at which all commits so far are visible, and no later one ever is. */
  readTime(): Micros {
    this.#latest = Math.max(this.#latest, this.now() * 1_000);
    return this.#latest;
  }

  /** Later than all commits and reads so far. */
  commitTime(): Micros {
    this.#latest = Math.max(this.#latest + 1, this.now() * 1_000);
    return this.#latest;
  }
}
