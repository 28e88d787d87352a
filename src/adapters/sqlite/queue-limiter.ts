import { limits } from "../../core/limits.ts";
import { CONTROL_QUEUE } from "../../core/messages.ts";
import type { QueueRate, QueueSettings } from "../../core/queues.ts";
import type { Clock } from "../../ports/machine.ts";
import type { QueuedMessage } from "./message-store.ts";

/** A queue in memory without the cost of `Array.shift`. */
class Fifo {
  #items: QueuedMessage[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: QueuedMessage): void {
    this.#items.push(item);
  }

  shift(): QueuedMessage | undefined {
    const item = this.#items[this.#head];
    if (!item) return undefined;
    this.#head += 1;
    if (this.#head * 2 > this.#items.length) this.#compact();
    return item;
  }

  drain(): QueuedMessage[] {
    this.#compact();
    return this.#items.splice(0);
  }

  #compact(): void {
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

/**
 * The messages that wait, by key. Nothing is deleted from a table: a Map that is filled and emptied leaves a chain of
 * old tables behind, which keeps what they hold in memory until the next full garbage collection.
 */
class WaitingKeys {
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

/**
 * One queue of this process: the messages that wait in memory, and the slots of those being handled. Rows and messages
 * in memory alternate. A row is leased only when a slot and a token are free: if it waited here, its lease could
 * expire, and the message would be handled twice.
 */
export class ConcurrencyLane {
  readonly #concurrency: number;
  readonly #bucket: TokenBucket | undefined;
  readonly #clock: Clock;
  /** Messages that hold a slot. */
  #holding = 0;
  readonly #rows = new Fifo();
  readonly #inMemory = new Fifo();
  readonly #waitingByKey = new WaitingKeys();
  #active = 0;
  #isRowsTurn = true;
  #cancelTimer: (() => void) | undefined;

  constructor({ concurrency, rate }: QueueSettings, clock: Clock) {
    this.#concurrency = concurrency;
    this.#bucket = rate && new TokenBucket(rate, clock);
    this.#clock = clock;
  }

  /** Messages being handled now, including those that only wait for the disk. */
  get active(): number {
    return this.#active;
  }

  /** How many more rows may be leased now if messages in memory get their share of the slots. */
  get freeRowSlots(): number {
    const room = this.#freeSlots;
    const rowsShare = this.#isRowsTurn ? Math.ceil(room / 2) : Math.floor(room / 2);
    return Math.max(rowsShare, room - this.#inMemory.length) - this.#rows.length;
  }

  /** As many messages again may wait for the disk. Without that bound a turn of the event loop might never end. */
  get #freeSlots(): number {
    const slots = Math.min(this.#concurrency - this.#holding, 2 * this.#concurrency - this.#active);
    return this.#bucket ? Math.min(slots, this.#bucket.tokens) : slots;
  }

  /** Drops a message in memory if one with the same key is waiting. */
  push(item: QueuedMessage): void {
    const same = this.#waitingByKey.get(item.key);
    if (item.row === undefined && same && !same.group?.failed) return;
    this.#waitingByKey.add(item);
    (item.row ? this.#rows : this.#inMemory).push(item);
  }

  /** The next message that may be handled now. It holds its slot until `release`. */
  next(): QueuedMessage | undefined {
    if (this.#freeSlots <= 0) return undefined;
    const item = this.#takeNext();
    if (!item) return undefined;
    this.#holding += 1;
    this.#active += 1;
    this.#bucket?.take();
    this.#isRowsTurn = item.row === undefined;
    return item;
  }

  /** Frees the slot of a message. Call it once a message: when it only waits for the disk, or before `done`. */
  release(): void {
    this.#holding -= 1;
  }

  /** Counts a message as handled. */
  done(): void {
    this.#active -= 1;
  }

  /** Calls back once when the rate allows the next message. Does nothing if the rate allows it now. */
  callWhenAllowed(callback: () => void): void {
    const waitMs = this.#bucket?.waitMs ?? 0;
    if (waitMs === 0 || this.#cancelTimer) return;
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      this.#cancelTimer = undefined;
      callback();
    });
  }

  /** Removes and returns all waiting messages, and cancels the callback. */
  drain(): QueuedMessage[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waitingByKey.clear();
    return [...this.#rows.drain(), ...this.#inMemory.drain()];
  }

  /** Rows first, as they were leased for their share of the slots. Messages of a rolled back group are dropped. */
  #takeNext(): QueuedMessage | undefined {
    for (;;) {
      const item = this.#rows.shift() ?? this.#inMemory.shift();
      if (!item) return undefined;
      this.#waitingByKey.remove(item);
      if (!item.group?.failed) return item;
    }
  }
}

export interface QueueLimiterOptions {
  /** Messages of one queue that are handled at the same time, unless `queues` names the queue. */
  readonly concurrency: number;
  readonly queues?: ReadonlyMap<string, QueueSettings>;
}

/** The lanes of one process, one for each queue, so that a full queue does not block another. */
export class QueueLimiter {
  readonly #options: QueueLimiterOptions;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, ConcurrencyLane>();

  constructor(options: QueueLimiterOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  lane(queue: string): ConcurrencyLane {
    const found = this.#lanes.get(queue);
    if (found) return found;
    const lane = new ConcurrencyLane(this.#settings(queue), this.#clock);
    this.#lanes.set(queue, lane);
    return lane;
  }

  lanes(): Iterable<ConcurrencyLane> {
    return this.#lanes.values();
  }

  /** Messages being handled now. */
  get active(): number {
    let active = 0;
    for (const lane of this.#lanes.values()) active += lane.active;
    return active;
  }

  #settings(queue: string): QueueSettings {
    if (queue === CONTROL_QUEUE) return { concurrency: limits.controlConcurrency };
    return this.#options.queues?.get(queue) ?? { concurrency: this.#options.concurrency };
  }
}

/**
 * Limits the rate of a queue. It starts full and holds at most the tokens of one second, but at least one token. It
 * counts whole units (`messages` per millisecond, `#unitsPerToken` per token), so that rounding errors do not add up.
 */
class TokenBucket {
  readonly #clock: Clock;
  readonly #unitsPerMs: number;
  readonly #unitsPerToken: number;
  readonly #maxUnits: number;
  #units: number;
  #filledAt: number;

  constructor({ messages, perSeconds }: QueueRate, clock: Clock) {
    this.#clock = clock;
    this.#unitsPerMs = messages;
    this.#unitsPerToken = perSeconds * 1_000;
    this.#maxUnits = this.#unitsPerToken * Math.max(1, Math.floor(messages / perSeconds));
    this.#units = this.#maxUnits;
    this.#filledAt = Math.floor(clock.monotonicMs());
  }

  get tokens(): number {
    this.#refill();
    return Math.floor(this.#units / this.#unitsPerToken);
  }

  /** Call it only when there is a token. */
  take(): void {
    this.#units -= this.#unitsPerToken;
  }

  /** Milliseconds until there is a token; 0 if there is one now. */
  get waitMs(): number {
    this.#refill();
    return Math.max(0, Math.ceil((this.#unitsPerToken - this.#units) / this.#unitsPerMs));
  }

  #refill(): void {
    const now = Math.floor(this.#clock.monotonicMs());
    const elapsedMs = now - this.#filledAt;
    this.#units = Math.min(this.#maxUnits, this.#units + elapsedMs * this.#unitsPerMs);
    this.#filledAt = now;
  }
}
