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

/** Messages in order of arrival. */
class Line {
  #items: Item[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (!item) return undefined;
    this.#head += 1;
    if (this.#head * 2 > this.#items.length) this.#forgetHead();
    return item;
  }

  drain(): Item[] {
    this.#forgetHead();
    return this.#items.splice(0);
  }

  #forgetHead(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

/** Messages of one queue that wait in memory, and how many are being handled. Rows and the others take turns. */
export class Lane {
  readonly concurrency: number;
  active = 0;
  readonly #rows = new Line();
  readonly #others = new Line();
  readonly #waitingByKey = new Map<string, Item>();
  #rowsTurn = true;

  constructor(concurrency: number) {
    this.concurrency = concurrency;
  }

  /** How many more rows it is worth to lease now. */
  get roomForRows(): number {
    return this.active >= this.concurrency ? 0 : this.concurrency - this.#rows.length;
  }

  /** A message that asks for the same as one that waits already adds nothing. */
  push(item: Item): void {
    const same = this.#waitingByKey.get(item.key);
    if (item.row === undefined && same && !same.group?.failed) return;
    this.#waitingByKey.set(item.key, item);
    (item.row ? this.#rows : this.#others).push(item);
  }

  /** The next message, if one waits and there is room to handle it. */
  next(): Item | undefined {
    if (this.active >= this.concurrency) return undefined;
    const [first, second] = this.#rowsTurn ? [this.#rows, this.#others] : [this.#others, this.#rows];
    const item = first.shift() ?? second.shift();
    this.#rowsTurn = !this.#rowsTurn;
    if (item && this.#waitingByKey.get(item.key) === item) this.#waitingByKey.delete(item.key);
    return item;
  }

  /** Takes out everything that waits. */
  drain(): Item[] {
    this.#waitingByKey.clear();
    return [...this.#rows.drain(), ...this.#others.drain()];
  }
}
