import { EventQueue } from "./event-queue.ts";
import { Trace } from "./trace.ts";

/** Where something happens: nothing happens on a process that is dead, and nothing before it comes back. */
export interface Place {
  readonly isAlive: boolean;
  /** Milliseconds, by the world's time. */
  readonly hungUntil: number;
}

/** A promise of Baton that was broken. */
export interface Violation {
  /** Which promise: the same for every seed that breaks it. */
  readonly rule: string;
  readonly what: string;
}

/** A moment long past, so that no simulated time is ever before 1970. */
const beginning = 1_700_000_000_000;

/** Time, and all future events. It moves from one event to the next. Between them, code runs as far as it can. */
export class World {
  now = beginning;
  readonly trace: Trace;
  readonly #events = new EventQueue();
  #violation: Violation | undefined;

  constructor(trace: Trace = new Trace(false)) {
    this.trace = trace;
  }

  /** Milliseconds since the world began. */
  get elapsedMs(): number {
    return this.now - beginning;
  }

  /** Has something happen after a delay; returns how to call it off. */
  after(delayMs: number, happen: () => void, place?: Place): () => void {
    return this.#events.add({ at: this.now + Math.max(0, Math.ceil(delayMs)), happen, place });
  }

  /** Lets the next event happen, and all that follows from it at once. False when nothing is left. */
  async step(): Promise<boolean> {
    const event = this.#events.next();
    if (!event) return false;
    const { at, happen, place } = event;
    // What a dead process had in mind does not make time pass.
    if (place && !place.isAlive) return true;
    this.now = Math.max(this.now, at);
    if (!place) happen();
    else if (place.hungUntil > this.now) this.#events.add({ ...event, at: place.hungUntil });
    else {
      happen();
      await codeAtRest();
    }
    return true;
  }

  /** The first promise that was broken: what comes after may follow from it. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** Kept, not thrown: the engine would take it for a failure of a service. */
  violate(rule: string, what: string): void {
    this.note(`VIOLATION of ${rule}`, () => what);
    this.#violation ??= { rule, what };
  }

  note(what: string, detail?: () => string): void {
    this.trace.add(this.elapsedMs, what, detail);
  }
}

/** Resolves when all code that waits for settled promises has run: ticks come after all of them. */
function codeAtRest(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}
