/** No timer of Node's can be set further ahead, in milliseconds. */
const longestTimerMs = 2 ** 31 - 1;

interface Entry {
  readonly dueMs: number;
  /** Breaks ties: what was put in first comes first. */
  readonly order: number;
  callback: (() => void) | undefined;
}

/**
 * Future events, tens of thousands of them: a heap with one timer for its head. Durations are those of the server's
 * world, in which `clockScale` seconds pass in a second of ours.
 */
export class Timeline {
  readonly #clockScale: number;
  readonly #heap: Entry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Number.POSITIVE_INFINITY;
  #order = 0;
  #isClosed = false;

  constructor(clockScale = 1) {
    this.#clockScale = clockScale;
  }

  /** Milliseconds of the server's world since some moment; only goes forward. */
  elapsedMs(): number {
    return performance.now() * this.#clockScale;
  }

  /** Calls back once, never early and never before this call returned; gives how to call it off. */
  after(delayMs: number, callback: () => void): () => void {
    return this.at(this.elapsedMs() + Math.max(0, delayMs), callback);
  }

  /** The same, when `elapsedMs` has come to a value. */
  at(dueMs: number, callback: () => void): () => void {
    if (this.#isClosed) return () => {};
    const entry: Entry = { dueMs, order: this.#order++, callback };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    this.#arm();
    return () => {
      entry.callback = undefined;
    };
  }

  /** Nothing happens any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#heap.length = 0;
    this.#timerDueMs = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    const head = this.#heap[0];
    if (!head || head.dueMs >= this.#timerDueMs) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = head.dueMs;
    const delayMs = Math.ceil((head.dueMs - this.elapsedMs()) / this.#clockScale);
    this.#timer = setTimeout(() => this.#fire(), Math.min(longestTimerMs, Math.max(0, delayMs)));
  }

  #fire(): void {
    this.#timerDueMs = Number.POSITIVE_INFINITY;
    // Read once, so that callbacks that schedule each other for ever leave room for other work of the process.
    const nowMs = this.elapsedMs();
    for (let head = this.#heap[0]; head && head.dueMs <= nowMs; head = this.#heap[0]) {
      this.#removeHead();
      head.callback?.();
    }
    this.#arm();
  }

  #removeHead(): void {
    const last = this.#heap.pop();
    if (!last || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!this.#swapIfLess(index, above)) return;
      index = above;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.#heap.length) return;
      const least = this.#isLess(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfLess(least, index)) return;
      index = least;
    }
  }

  #isLess(one: number, other: number): boolean {
    const first = this.#heap[one];
    const second = this.#heap[other];
    if (!first || !second) return false;
    return first.dueMs < second.dueMs || (first.dueMs === second.dueMs && first.order < second.order);
  }

  #swapIfLess(lower: number, upper: number): boolean {
    const first = this.#heap[lower];
    const second = this.#heap[upper];
    if (!first || !second || !this.#isLess(lower, upper)) return false;
    this.#heap[lower] = second;
    this.#heap[upper] = first;
    return true;
  }
}
