/** Where something happens: nothing happens on a process that is dead, and nothing before it comes back. */
export interface Place {
  readonly isAlive: boolean;
  /** Milliseconds, by the world's time. */
  readonly hungUntil: number;
}

interface Event {
  /** Milliseconds, by the world's time. */
  readonly at: number;
  readonly happen: () => void;
  readonly place?: Place | undefined;
}

interface Entry extends Event {
  /** Events of the same time happen in the order they were asked for. */
  readonly order: number;
  isCancelled: boolean;
}

/** What is still to happen, the next first: a binary heap. */
export class EventQueue {
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Returns how to call it off. */
  add(event: Event): () => void {
    const entry: Entry = { ...event, order: this.#order++, isCancelled: false };
    this.#rise(entry);
    return () => {
      entry.isCancelled = true;
    };
  }

  next(): Event | undefined {
    for (;;) {
      const [first] = this.#heap;
      const last = this.#heap.pop();
      if (!first || !last) return undefined;
      if (first !== last) this.#sink(last);
      if (!first.isCancelled) return first;
    }
  }

  #rise(entry: Entry): void {
    let at = this.#heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#heap[above];
      if (!parent || isBefore(parent, entry)) break;
      this.#heap[at] = parent;
      at = above;
    }
    this.#heap[at] = entry;
  }

  #sink(entry: Entry): void {
    let at = 0;
    for (;;) {
      const left = this.#heap[2 * at + 1];
      const right = this.#heap[2 * at + 2];
      const least = right && left && isBefore(right, left) ? right : left;
      if (!least || isBefore(entry, least)) break;
      this.#heap[at] = least;
      at = 2 * at + (least === left ? 1 : 2);
    }
    this.#heap[at] = entry;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
