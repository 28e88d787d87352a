import { limits } from "../../core/limits.ts";
import { CONTROL_QUEUE, type Message } from "../../core/messages.ts";
import type { QueueRate, QueueSettings } from "../../core/queues.ts";
import type { Clock } from "../../ports/machine.ts";
import type { Group } from "./group-commit.ts";
import type { MessageRow } from "./message-table.ts";

/** A message in the hands of this process. */
export interface QueuedMessage {
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
 * Messages of one queue that wait in memory, and how many are being handled. Rows and the others take turns.
 * A row is only leased when it can be handed out at once: one that waited here for a slot or for a token would come
 * back when its lease is over, here or in another process, and be handled twice.
 */
export class ConcurrencyLane {
  readonly #concurrency: number;
  readonly #bucket: TokenBucket | undefined;
  readonly #clock: Clock;
  readonly #holdingSlot = new Set<QueuedMessage>();
  readonly #rows = new Fifo();
  readonly #inMemory = new Fifo();
  readonly #waitingByKey = new Map<string, QueuedMessage>();
  #active = 0;
  #isRowsTurn = true;
  #cancelTimer: (() => void) | undefined;

  constructor({ concurrency, rate }: QueueSettings, clock: Clock) {
    this.#concurrency = concurrency;
    this.#bucket = rate && new TokenBucket(rate, clock);
    this.#clock = clock;
  }

  /** Messages being handled now, those included that only wait for the disk. */
  get active(): number {
    return this.#active;
  }

  /** How many more rows can be handed out now, when the others get their turns. */
  get freeRowSlots(): number {
    const room = this.#freeSlots;
    const rowsShare = this.#isRowsTurn ? Math.ceil(room / 2) : Math.floor(room / 2);
    return Math.max(rowsShare, room - this.#inMemory.length) - this.#rows.length;
  }

  /** As many as may be worked on may wait for the disk beside them: without end, a turn would not either. */
  get #freeSlots(): number {
    const slots = Math.min(this.#concurrency - this.#holdingSlot.size, 2 * this.#concurrency - this.#active);
    return this.#bucket ? Math.min(slots, this.#bucket.tokens) : slots;
  }

  /** A message that asks for the same as one that waits already adds nothing. */
  push(item: QueuedMessage): void {
    const same = this.#waitingByKey.get(item.key);
    if (item.row === undefined && same && !same.group?.failed) return;
    this.#waitingByKey.set(item.key, item);
    (item.row ? this.#rows : this.#inMemory).push(item);
  }

  /** The next message, if one waits and may be handled now; it holds its slot until `release` or `done`. */
  next(): QueuedMessage | undefined {
    if (this.#freeSlots <= 0) return undefined;
    const item = this.#takeNext();
    if (!item) return undefined;
    this.#holdingSlot.add(item);
    this.#active += 1;
    this.#bucket?.take();
    this.#isRowsTurn = item.row === undefined;
    return item;
  }

  /** The work on a message is done, and only the disk is waited for. */
  release(item: QueuedMessage): void {
    this.#holdingSlot.delete(item);
  }

  /** The handling of a message has ended. */
  done(item: QueuedMessage): void {
    this.#holdingSlot.delete(item);
    this.#active -= 1;
  }

  /** Calls back when the rate allows the next message, unless it does now. Once, however often it is asked. */
  callWhenAllowed(callback: () => void): void {
    const waitMs = this.#bucket?.waitMs ?? 0;
    if (waitMs === 0 || this.#cancelTimer) return;
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      this.#cancelTimer = undefined;
      callback();
    });
  }

  /** Takes out everything that waits, and calls nobody back. */
  drain(): QueuedMessage[] {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#waitingByKey.clear();
    return [...this.#rows.drain(), ...this.#inMemory.drain()];
  }

  /** Rows first: they were leased because it was their turn. What was undone with its group never was. */
  #takeNext(): QueuedMessage | undefined {
    for (;;) {
      const item = this.#rows.shift() ?? this.#inMemory.shift();
      if (!item) return undefined;
      if (this.#waitingByKey.get(item.key) === item) this.#waitingByKey.delete(item.key);
      if (!item.group?.failed) return item;
    }
  }
}

export interface QueueLimiterOptions {
  /** Messages of one queue that are handled at the same time, where `queues` does not say otherwise. */
  readonly concurrency: number;
  readonly queues?: ReadonlyMap<string, QueueSettings>;
}

/** The lanes of one process. Each is made when its queue is first heard of; none is full because of another. */
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
 * Holds one token for every message that may be handed out now: at most a second's worth, at least one, and full at
 * first. It counts whole units, `messages` a millisecond and `#cost` a token, so that no rounding adds up.
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

  /** Only when there is one. */
  take(): void {
    this.#units -= this.#unitsPerToken;
  }

  /** How long until there is a token; 0 when there is one. */
  get waitMs(): number {
    this.#refill();
    return Math.max(0, Math.ceil((this.#unitsPerToken - this.#units) / this.#unitsPerMs));
  }

  /** By the monotonic clock, which never jumps. */
  #refill(): void {
    const now = Math.floor(this.#clock.monotonicMs());
    const elapsedMs = now - this.#filledAt;
    this.#units = Math.min(this.#maxUnits, this.#units + elapsedMs * this.#unitsPerMs);
    this.#filledAt = now;
  }
}
