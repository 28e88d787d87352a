import type { Clock } from "../../src/ports/machine.ts";

interface Alarm {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that moves only when the test moves it. */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #setMs = 1_700_000_000_000;
  readonly #alarms = new Set<Alarm>();

  now(): number {
    return this.#setMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    // What takes no time happens without any passing.
    if (delayMs <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const alarm = { at: this.#elapsedMs + delayMs, callback };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  /** Callbacks that are still to come. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Sets the hands to another time; what was asked for after a delay still comes after it. */
  set(byMs: number): void {
    this.#setMs += byMs;
  }

  /** Lets time pass, and at every callback what follows from it. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsedMs + ms;
    await settled();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#alarms.delete(next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.at);
      next.callback();
      await settled();
    }
    this.#elapsedMs = until;
  }

  #next(until: number): Alarm | undefined {
    const due = [...this.#alarms].filter(({ at }) => at <= until);
    return due.reduce<Alarm | undefined>(
      (first, alarm) => (first && first.at <= alarm.at ? first : alarm),
      undefined,
    );
  }
}

/** Everything that needs no time has happened: a group of writes is committed at the end of its turn. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
