import { limits } from "../../core/limits.ts";
import type { QueuedMessage } from "./message-store.ts";

/**
 * Batches of which this process has handled a task, the latest ones. A batch that is forgotten counts as one that was
 * not opened: its messages come later, but they come.
 */
export class OpenedBatches {
  #latest = new Set<string>();
  #earlier = new Set<string>();
  static readonly #mostLatest = 5_000;

  has({ message }: QueuedMessage): boolean {
    return message.kind === "task" && this.#has(message.batchId);
  }

  /** Returns false if the message does not open a batch. */
  open({ message }: QueuedMessage): boolean {
    if (message.kind !== "task" || this.#has(message.batchId)) return false;
    if (this.#latest.size >= OpenedBatches.#mostLatest) {
      this.#earlier = this.#latest;
      this.#latest = new Set();
    }
    this.#latest.add(message.batchId);
    return true;
  }

  #has(batchId: string): boolean {
    return this.#latest.has(batchId) || this.#earlier.has(batchId);
  }
}

/** A queue in memory: a ring that grows. It keeps no item that was taken, and a busy one makes no garbage. */
export class Fifo<Item = QueuedMessage> {
  /** Its length is a power of two. */
  #items: (Item | undefined)[] = [undefined, undefined, undefined, undefined];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length += 1;
  }

  shift(): Item | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length -= 1;
    return item;
  }

  drain(): Item[] {
    const items: Item[] = [];
    for (let item = this.shift(); item; item = this.shift()) items.push(item);
    return items;
  }

  #grow(): void {
    const inOrder = [...this.#items.slice(this.#head), ...this.#items.slice(0, this.#head)];
    this.#items = [...inOrder, ...inOrder.map(() => undefined)];
    this.#head = 0;
  }
}

/** Batches without messages that `BatchTurns` may keep until it looks through all of them. */
const mostIdleBatches = 100;

/** Messages of several batches, which take turns: a small batch does not wait for all messages of a large one. */
export class BatchTurns {
  /** Also batches without messages: a chain has none between two tasks, and `WaitingKeys` says what deletions cost. */
  #batches = new Map<string, Fifo>();
  /** The batches with messages, in the order of their turns. */
  readonly #turns = new Fifo<Fifo>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(batchId: string, item: QueuedMessage): void {
    const batch = this.#batches.get(batchId) ?? this.#add(batchId);
    if (batch.length === 0) this.#turns.push(batch);
    batch.push(item);
    this.#length += 1;
  }

  shift(): QueuedMessage | undefined {
    const batch = this.#turns.first;
    const item = batch?.shift();
    if (!batch || !item) return undefined;
    this.#length -= 1;
    if (batch.length > 0 && this.#turns.length === 1) return item;
    this.#turns.shift();
    if (batch.length > 0) this.#turns.push(batch);
    return item;
  }

  drain(): QueuedMessage[] {
    const items: QueuedMessage[] = [];
    for (let item = this.shift(); item; item = this.shift()) items.push(item);
    return items;
  }

  #add(batchId: string): Fifo {
    if (this.#batches.size >= 2 * this.#turns.length + mostIdleBatches)
      this.#batches = new Map([...this.#batches].filter(([, { length }]) => length > 0));
    const batch = new Fifo();
    this.#batches.set(batchId, batch);
    return batch;
  }
}

/**
 * The messages that wait, by key. Nothing is deleted from a table: a Map that is filled and emptied leaves a chain of
 * old tables behind, which keeps what they hold in memory until the next full garbage collection.
 */
export class WaitingKeys {
  #items = new Map<string, QueuedMessage | undefined>();
  #waiting = 0;

  get(key: string): QueuedMessage | undefined {
    return this.#items.get(key);
  }

  add(item: QueuedMessage): void {
    if (this.#items.get(item.key) === undefined) this.#waiting += 1;
    this.#items.set(item.key, item);
  }

  remove(item: QueuedMessage): void {
    if (this.#items.get(item.key) !== item) return;
    this.#items.set(item.key, undefined);
    this.#waiting -= 1;
    if (this.#items.size > 2 * this.#waiting + limits.controlConcurrency) this.#rebuild();
  }

  clear(): void {
    this.#items = new Map();
    this.#waiting = 0;
  }

  #rebuild(): void {
    const before = this.#items;
    this.#items = new Map();
    for (const [key, item] of before) if (item) this.#items.set(key, item);
  }
}
