import { limits } from "../../core/limits.ts";
import { CONTROL_QUEUE } from "../../core/messages.ts";
import type { QueueRate, QueueSettings } from "../../core/queues.ts";
import type { Clock } from "../../ports/machine.ts";
import { OPENING_QUEUE, type QueuedMessage } from "./message-store.ts";
import { BatchTurns, Fifo, OpenedBatches, WaitingKeys } from "./waiting-messages.ts";

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

/** Of the messages of opened batches that wait, this number is handled before another batch is opened. */
const messagesPerOpening = 16;

/**
 * One queue of this process: the messages that wait in memory, and the slots of those being handled.
 *
 * Messages of batches that this process has opened come first, so that a backlog of batches is worked off one after
 * another and the memory holds few of them. The others (rows of the file, and messages of batches not yet opened) have
 * a turn after each of them; after one that opens a batch, they have the next turn after `messagesPerOpening`.
 *
 * A row is leased only when a slot and a token are free: if it waited here, its lease could expire, and the message
 * would be handled twice.
 */
export class ConcurrencyLane {
  readonly #concurrency: () => number;
  readonly #bucket: TokenBucket | undefined;
  readonly #clock: Clock;
  readonly #opened: OpenedBatches;
  /** Messages that hold a slot. */
  #holding = 0;
  readonly #rows = new Fifo();
  readonly #ofOpened = new BatchTurns();
  readonly #ofOthers = new Fifo();
  readonly #waitingByKey = new WaitingKeys();
  #waiting = 0;
  #active = 0;
  #isRowsTurn = true;
  /** How many messages of opened batches come before the next of another kind. */
  #beforeOthers = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(concurrency: () => number, rate: QueueRate | undefined, clock: Clock, opened: OpenedBatches) {
    this.#concurrency = concurrency;
    this.#bucket = rate && new TokenBucket(rate, clock);
    this.#clock = clock;
    this.#opened = opened;
  }

  /** Messages being handled now, including those that only wait for the disk. */
  get active(): number {
    return this.#active;
  }

  /** Messages that wait in memory. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many more rows may be leased now if messages in memory get their share of the slots. */
  get freeRowSlots(): number {
    const room = this.#freeSlots;
    const inMemory = this.#waiting - this.#rows.length;
    return Math.max(this.#rowsShare(room), room - inMemory) - this.#rows.length;
  }

  #rowsShare(room: number): number {
    if (this.#ofOpened.length > 0)
      return this.#beforeOthers === 0 && (this.#isRowsTurn || this.#ofOthers.length === 0) ? 1 : 0;
    return this.#isRowsTurn ? Math.ceil(room / 2) : Math.floor(room / 2);
  }

  /** As many messages again may wait for the disk. Without that bound a turn of the event loop might never end. */
  get #freeSlots(): number {
    const concurrency = this.#concurrency();
    const slots = Math.min(concurrency - this.#holding, 2 * concurrency - this.#active);
    return this.#bucket ? Math.min(slots, this.#bucket.tokens) : slots;
  }

  /** Drops a message in memory if one with the same key is waiting. */
  push(item: QueuedMessage): void {
    const same = this.#waitingByKey.get(item.key);
    if (item.row === undefined && same && !same.group?.failed) return;
    this.#waitingByKey.add(item);
    this.#waiting += 1;
    const { message } = item;
    if (item.row) this.#rows.push(item);
    else if (message.kind === "task" && this.#opened.has(item)) this.#ofOpened.push(message.batchId, item);
    else this.#ofOthers.push(item);
  }

  /** The next message that may be handled now. It holds its slot until `release`. */
  next(): QueuedMessage | undefined {
    if (this.#waiting === 0 || this.#freeSlots <= 0) return undefined;
    const item = this.#takeNext();
    if (!item) return undefined;
    this.#holding += 1;
    this.#active += 1;
    this.#bucket?.take();
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
    if (!this.#bucket || this.#cancelTimer) return;
    const { waitMs } = this.#bucket;
    if (waitMs === 0) return;
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
    this.#waiting = 0;
    return [...this.#rows.drain(), ...this.#ofOpened.drain(), ...this.#ofOthers.drain()];
  }

  /** Messages of a rolled back group are dropped. */
  #takeNext(): QueuedMessage | undefined {
    for (;;) {
      const item = this.#takeOther() ?? this.#takeOfOpened();
      if (!item) return undefined;
      this.#waiting -= 1;
      this.#waitingByKey.remove(item);
      if (!item.group?.failed) return item;
    }
  }

  /** A row, as it was leased for its share of the slots, or another message whose turn it is. */
  #takeOther(): QueuedMessage | undefined {
    const row = this.#rows.shift();
    if (row) return this.#noteTurn(row);
    return this.#ofOpened.length === 0 || this.#beforeOthers === 0 ? this.#takeOfOthers() : undefined;
  }

  #takeOfOthers(): QueuedMessage | undefined {
    const item = this.#ofOthers.shift();
    return item && this.#noteTurn(item);
  }

  #takeOfOpened(): QueuedMessage | undefined {
    const item = this.#ofOpened.shift();
    if (!item) return undefined;
    this.#beforeOthers = Math.max(0, this.#beforeOthers - 1);
    this.#isRowsTurn = true;
    return item;
  }

  #noteTurn(item: QueuedMessage): QueuedMessage {
    this.#beforeOthers = this.#opened.open(item) ? messagesPerOpening : 1;
    this.#isRowsTurn = item.row === undefined;
    return item;
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
  readonly #allLanes: ConcurrencyLane[] = [];
  readonly #opened = new OpenedBatches();

  constructor(options: QueueLimiterOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  lane(queue: string): ConcurrencyLane {
    const found = this.#lanes.get(queue);
    if (found) return found;
    const lane = this.#newLane(queue);
    this.#lanes.set(queue, lane);
    this.#allLanes.push(lane);
    return lane;
  }

  lanes(): readonly ConcurrencyLane[] {
    return this.#allLanes;
  }

  /** Whether messages wait in the memory of any queue. */
  get hasWaiting(): boolean {
    for (const lane of this.#allLanes) if (lane.waiting > 0) return true;
    return false;
  }

  /** Messages being handled now. */
  get active(): number {
    let active = 0;
    for (const lane of this.#allLanes) active += lane.active;
    return active;
  }

  #newLane(queue: string): ConcurrencyLane {
    const { concurrency, rate } = this.#settings(queue);
    const current = queue === OPENING_QUEUE ? () => this.#openings : () => concurrency;
    return new ConcurrencyLane(current, rate, this.#clock, this.#opened);
  }

  /** Few while many messages wait in memory. But always one, because its tasks may have a queue that is free. */
  get #openings(): number {
    let waiting = 0;
    for (const [queue, lane] of this.#lanes) if (queue !== OPENING_QUEUE) waiting += lane.waiting;
    return Math.max(1, limits.controlConcurrency - waiting);
  }

  #settings(queue: string): QueueSettings {
    if (queue === CONTROL_QUEUE || queue === OPENING_QUEUE) return { concurrency: limits.controlConcurrency };
    return this.#options.queues?.get(queue) ?? { concurrency: this.#options.concurrency };
  }
}
