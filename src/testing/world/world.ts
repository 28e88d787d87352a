import { EventQueue, type Place } from "./event-queue.ts";
import { Trace } from "./trace.ts";

/** A promise of Baton that was broken. */
export interface Violation {
  /** Which promise: the same for every seed that breaks it. */
  readonly rule: string;
  readonly what: string;
}

export interface WorldOptions {
  /** When time begins, in milliseconds since 1970. */
  readonly beginning?: number;
  /** Resolves when no code can continue before the next event. Default: code waits for nothing but the world. */
  readonly rest?: () => Promise<void>;
}

/** A moment long past, so that no simulated time is ever before 1970. */
const defaultBeginning = 1_700_000_000_000;

/** Time, and all future events. It moves from one event to the next. Between them, code runs as far as it can. */
export class World {
  now: number;
  readonly trace: Trace;
  readonly #beginning: number;
  readonly #rest: () => Promise<void>;
  readonly #events = new EventQueue();
  #violation: Violation | undefined;

  constructor(
    trace: Trace = new Trace(false),
    { beginning = defaultBeginning, rest = codeAtRest }: WorldOptions = {},
  ) {
    this.trace = trace;
    this.now = beginning;
    this.#beginning = beginning;
    this.#rest = rest;
  }

  /** Milliseconds since the world began. */
  get elapsedMs(): number {
    return this.now - this.#beginning;
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
      await this.#rest();
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
