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

/** A queue in memory without the cost of `Array.shift`. */
export class Fifo<Item = QueuedMessage> {
  #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (!item) return undefined;
    this.#head += 1;
    if (this.#head * 2 > this.#items.length) this.#compact();
    return item;
  }

  drain(): Item[] {
    this.#compact();
    return this.#items.splice(0);
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

/** Messages of several batches, which take turns: a small batch does not wait for all messages of a large one. */
export class BatchTurns {
  readonly #batches = new Map<string, Fifo>();
  /** The batches with messages, in the order of their turns. */
  readonly #turns = new Fifo<string>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(batchId: string, item: QueuedMessage): void {
    const found = this.#batches.get(batchId);
    const batch = found ?? new Fifo();
    if (!found) {
      this.#batches.set(batchId, batch);
      this.#turns.push(batchId);
    }
    batch.push(item);
    this.#length += 1;
  }

  shift(): QueuedMessage | undefined {
    const batchId = this.#turns.first;
    const batch = batchId === undefined ? undefined : this.#batches.get(batchId);
    if (batchId === undefined || !batch) return undefined;
    const item = batch.shift();
    this.#length -= 1;
    if (batch.length > 0 && this.#turns.length === 1) return item;
    this.#turns.shift();
    if (batch.length > 0) this.#turns.push(batchId);
    else this.#batches.delete(batchId);
    return item;
  }

  drain(): QueuedMessage[] {
    const items: QueuedMessage[] = [];
    for (let item = this.shift(); item; item = this.shift()) items.push(item);
    return items;
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
    if (this.#items.size > 2 * this.#waiting + limits.controlConcurrency || this.#waiting === 0)
      this.#rebuild();
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
