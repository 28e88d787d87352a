import { setImmediate, setTimeout } from "node:timers/promises";

/** Code that runs outside of the world's control: it may wait for a file, a child process or a library. */
export interface RunningCode {
  /** The task: the same for all runs of one function. */
  readonly taskId: string;
  /** Whether it waits for nothing of the world and may continue at any time. */
  readonly isActive: boolean;
  /** Whether it has set a timer of the world. Then it waits for that, unless real work is visible. */
  readonly hasTimer: boolean;
}

/**
 * How long code that waits for nothing visible is given before time continues without it. Work of libraries in threads
 * is invisible. Code that has used all of it before gets less.
 */
const graceMs = { first: 250, later: 30 };
/** How long code is given if there is a new real timer, which may be its own. */
const timerGraceMs = 1_000;
/** How long a file, a connection or a child process is waited for before time continues. */
const patienceMs = 5_000;

/**
 * Knows when real work is under way. Time in the world stands still meanwhile: otherwise a slow disk would make tasks
 * time out. Code that waits for its abort signal alone, or for nothing at all, must not hold up time for ever.
 */
export class RealWork {
  readonly #running = new Set<RunningCode>();
  /** Code that was seen to wait for nothing, until it does something again. */
  readonly #stalled = new Set<RunningCode>();
  /** Tasks whose code has been seen to wait for nothing. */
  readonly #known: Set<string>;
  #services = 0;
  #activity = 0;
  #baseline = new Map<string, number>();

  /** `known` is kept from world to world. */
  constructor(known: Set<string> = new Set()) {
    this.#known = known;
  }

  begin(code: RunningCode): void {
    if (this.#running.size === 0) this.#baseline = activeResources();
    this.#running.add(code);
    this.wake(code);
  }

  end(code: RunningCode): void {
    this.#running.delete(code);
    this.wake(code);
  }

  /** The code has done something, or something has happened that lets it continue. */
  wake(code: RunningCode): void {
    this.#activity += 1;
    this.#stalled.delete(code);
  }

  /** The work of a fake service. */
  async service<T>(work: () => Promise<T> | T): Promise<T> {
    this.#services += 1;
    try {
      return await work();
    } finally {
      this.#services -= 1;
      this.#activity += 1;
    }
  }

  /** Resolves when all code waits for the world, or for something that does not come. */
  readonly rest = async (): Promise<void> => {
    await nextTick();
    let seen = this.#activity;
    let since = performance.now();
    while (this.#services > 0 || this.#active.length > 0) {
      await setImmediate();
      const waitedMs = performance.now() - since;
      if (this.#activity !== seen) {
        seen = this.#activity;
        since = performance.now();
      } else if (waitedMs >= this.#waitMs()) return this.#continueWithout();
      // Code that takes turns with `setImmediate` gets its next turn at once.
      else if (waitedMs > 5 && !activeResources().has("Immediate")) await setTimeout(1);
    }
  };

  /** How long nothing may happen before time continues. */
  #waitMs(): number {
    if (this.#services > 0 || this.#hasRealResources()) return patienceMs;
    const isKnown = this.#active.every(({ taskId }) => this.#known.has(taskId));
    if (isKnown) return graceMs.later;
    return this.#isMore("Timeout", activeResources().get("Timeout") ?? 0) ? timerGraceMs : graceMs.first;
  }

  #continueWithout(): void {
    for (const code of this.#active) {
      this.#stalled.add(code);
      this.#known.add(code.taskId);
    }
  }

  get #active(): readonly RunningCode[] {
    const active = [...this.#running].filter((code) => code.isActive && !this.#stalled.has(code));
    if (active.every(({ hasTimer }) => hasTimer) && !this.#hasRealResources()) return [];
    return active;
  }

  #hasRealResources(): boolean {
    return [...activeResources()].some(([type, count]) => type !== "Timeout" && this.#isMore(type, count));
  }

  #isMore(type: string, count: number): boolean {
    return count > (this.#baseline.get(type) ?? 0);
  }
}

/** Ticks come after all code that waits for settled promises. */
function nextTick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** What keeps the process alive, by type. */
function activeResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
