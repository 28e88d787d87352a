import type { Message } from "../../core/messages.ts";
import type { Group } from "./group-commit.ts";
import type { MessageRow } from "./message-table.ts";

/** A message in the hands of this process. */
export interface Item {
  readonly queue: string;
  readonly message: Message;
  readonly key: string;
  readonly deliveryAttempt: number;
  /** The row it was leased from; undefined when it lives in memory only. */
  readonly row: MessageRow | undefined;
  /** The group of writes it was published with: when that is undone, the message never was. */
  readonly group: Group | undefined;
}

/** Messages of one queue that wait in memory, and how many are being handled. */
export class Lane {
  readonly concurrency: number;
  active = 0;
  #items: Item[] = [];
  #head = 0;
  readonly #waitingByKey = new Map<string, Item>();

  constructor(concurrency: number) {
    this.concurrency = concurrency;
  }

  /** How many more it could hand out now, those that wait already taken into account. */
  get room(): number {
    return this.concurrency - this.active - this.waiting;
  }

  get waiting(): number {
    return this.#items.length - this.#head;
  }

  /** A message that asks for the same as one that waits already adds nothing. */
  push(item: Item): void {
    const same = this.#waitingByKey.get(item.key);
    if (item.row === undefined && same && !same.group?.failed) return;
    this.#waitingByKey.set(item.key, item);
    this.#items.push(item);
  }

  /** The next message, if one waits and there is room to handle it. */
  next(): Item | undefined {
    if (this.active >= this.concurrency) return undefined;
    const item = this.#items[this.#head];
    if (!item) return undefined;
    this.#head += 1;
    if (this.#head === this.#items.length) this.#clear();
    if (this.#waitingByKey.get(item.key) === item) this.#waitingByKey.delete(item.key);
    return item;
  }

  /** Takes out everything that waits. */
  drain(): Item[] {
    const rest = this.#items.slice(this.#head);
    this.#clear();
    this.#waitingByKey.clear();
    return rest;
  }

  #clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
