import type { DatabaseSync } from "node:sqlite";
import { errorMessage } from "../../core/errors/errors.ts";
import { isRedrivable, messageKey } from "../../core/messages.ts";
import { backoffMs } from "../../core/retry.ts";
import type { Broker, MessageHandler, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/machine.ts";
import { andThen, atOnce, type MaybePromise } from "../../ports/store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { GroupCommit } from "./group-commit.ts";
import {
  inOwnQueue,
  type MessageRow,
  MessageStore,
  type QueuedMessage,
  type WaitingMessages,
} from "./message-store.ts";
import { type ConcurrencyLane, QueueLimiter, type QueueLimiterOptions } from "./queue-limiter.ts";
import type { StoreClock } from "./store-clock.ts";

export interface BrokerOptions extends QueueLimiterOptions {
  /** How long a message that was handed out stays hidden from other processes. */
  readonly leaseSeconds: number;
  /** Interval at which the file is checked for writes of other processes. */
  readonly pollMs: number;
}

/** `queueMicrotask` costs several times as much. */
const microtask = Promise.resolve();

const redelivery = { initialSeconds: 1, factor: 2, maxSeconds: 60, jitter: 0 };

/**
 * The embedded broker. A message that a redrive can derive from the store's records after a crash stays in memory.
 * Every other message is a row of the same file, in the same group commit as the work that published it.
 */
export class SqliteBroker implements Broker, Timer {
  readonly #group: GroupCommit;
  readonly #messages: MessageStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pollMs: number;
  readonly #limiter: QueueLimiter;
  #handler: MessageHandler | undefined;
  #isPumpScheduled = false;
  /** Rows that are being taken. */
  #taking: Promise<void> | undefined;
  #cancelPoll: () => void = () => undefined;

  constructor(
    database: DatabaseSync,
    group: GroupCommit,
    clock: StoreClock,
    logger: Logger,
    options: BrokerOptions,
  ) {
    this.#group = group;
    this.#messages = new MessageStore(database, group, clock, logger, options.leaseSeconds);
    this.#clock = clock;
    this.#logger = logger;
    this.#pollMs = options.pollMs;
    this.#limiter = new QueueLimiter(options, clock);
  }

  publish(messages: readonly OutgoingMessage[]): MaybePromise<void> {
    return atOnce(() => {
      const stored: Promise<void>[] = [];
      for (const outgoing of messages)
        if (this.#handler && isRedrivable(outgoing.message)) this.#pushInMemory(inOwnQueue(outgoing));
        else {
          const inserted = atOnce(() => this.#messages.insert(inOwnQueue(outgoing), 0));
          if (inserted instanceof Promise) stored.push(inserted);
        }
      this.#schedulePump();
      return stored.length > 0 ? Promise.all(stored).then(() => undefined) : undefined;
    });
  }

  schedule(outgoing: OutgoingMessage, delayMs: number): MaybePromise<void> {
    return atOnce(() => this.#messages.insert(inOwnQueue(outgoing), delayMs));
  }

  /** Starts to deliver messages to the handler: all, or only those of one batch. */
  start(handler: MessageHandler, scope: { readonly batchId?: string | undefined } = {}): void {
    if (scope.batchId !== undefined) this.#messages.restrictToBatch(scope.batchId);
    this.#handler = handler;
    this.#poll();
  }

  /** Ends all deliveries, and stores the messages in memory for the next process. */
  async stop(): Promise<void> {
    this.#handler = undefined;
    this.#cancelPoll();
    await this.#taking;
    const mark = this.#group.mark();
    const stored: MaybePromise<void>[] = [];
    for (const lane of this.#limiter.lanes())
      for (const item of lane.drain()) {
        const { row, group } = item;
        if (row) stored.push(atOnce(() => this.#messages.postpone(row, 0)));
        else if (!group?.failed) stored.push(atOnce(() => this.#messages.insert(item, 0)));
      }
    await Promise.all(stored);
    await this.#group.sync(mark);
  }

  /** Messages being handled now. */
  get active(): number {
    return this.#limiter.active;
  }

  /** Messages on disk by queue, those of other processes included. Messages in memory are not counted. */
  waiting(): readonly WaitingMessages[] {
    return this.#messages.waiting();
  }

  #pushInMemory({ queue, message }: OutgoingMessage): void {
    const group = this.#group.current;
    const key = messageKey(message);
    this.#limiter.lane(queue).push({ queue, message, key, deliveryAttempt: 1, row: undefined, group });
  }

  /** Deferred to a microtask: a handler that publishes must not run other handlers inside itself. */
  #schedulePump(): void {
    if (this.#isPumpScheduled) return;
    this.#isPumpScheduled = true;
    void microtask.then(this.#pump);
  }

  readonly #pump = (): void => {
    this.#isPumpScheduled = false;
    const handler = this.#handler;
    if (!handler) return;
    for (const lane of this.#limiter.lanes()) {
      for (let item = lane.next(); item; item = lane.next()) void this.#deliver(handler, lane, item);
      lane.callWhenAllowed(this.#takeRows);
    }
  };

  async #deliver(handler: MessageHandler, lane: ConcurrencyLane, item: QueuedMessage): Promise<void> {
    const { message, deliveryAttempt } = item;
    let holdsSlot = true;
    const release = () => {
      if (holdsSlot) lane.release();
      holdsSlot = false;
      this.#takeFreeSlots(lane);
    };
    try {
      await handler({ message, deliveryAttempt, release });
      if (item.row) this.#acknowledge(item.row);
    } catch (error) {
      this.#logFailure("settle a message", () => this.#redeliver(item, error));
    }
    lane.done();
    release();
  }

  #acknowledge(row: MessageRow): void {
    this.#logFailure("settle a message", () => this.#messages.acknowledge(row));
  }

  /** After a message has released its slot. */
  #takeFreeSlots(lane: ConcurrencyLane): void {
    const { isDue } = this.#messages;
    if (isDue && lane.freeRowSlots > 0) this.#takeRows();
    else if (isDue || this.#limiter.hasWaiting) this.#schedulePump();
  }

  #redeliver(item: QueuedMessage, error: unknown): MaybePromise<void> {
    const delayMs = backoffMs(redelivery, item.deliveryAttempt, 0);
    const problem = errorMessage(error);
    this.#logger.warn("a message will be delivered again", { key: item.key, error: problem, delayMs });
    return item.row ? this.#messages.postpone(item.row, delayMs) : this.#redeliverInMemory(item, delayMs);
  }

  /** If the message's group was rolled back, its publisher is redelivered too and publishes it again. */
  #redeliverInMemory(item: QueuedMessage, delayMs: number): void {
    this.#clock.after(delayMs, () => {
      if (!this.#handler || item.group?.failed) return;
      this.#limiter.lane(item.queue).push({ ...item, deliveryAttempt: item.deliveryAttempt + 1 });
      this.#schedulePump();
    });
  }

  #poll(): void {
    if (!this.#handler) return;
    this.#logFailure("check for messages", () => {
      this.#messages.saveClock();
      if (this.#messages.hasForeignWrites() || this.#messages.isDue) this.#takeRows();
    });
    this.#cancelPoll = this.#clock.after(this.#pollMs, () => this.#poll());
  }

  /** Rows are taken once at a time, or the slots that are free for one would be used by two. */
  readonly #takeRows = (): void => {
    if (!this.#handler || this.#taking) return;
    const taken = this.#logFailure("take messages", () =>
      andThen(
        this.#messages.take((queue) => this.#limiter.lane(queue).freeRowSlots),
        (items) => {
          for (const item of items) this.#limiter.lane(item.queue).push(item);
        },
      ),
    );
    this.#schedulePump();
    if (!(taken instanceof Promise)) return;
    this.#taking = taken.then(() => {
      this.#taking = undefined;
      this.#schedulePump();
    });
  };

  /** The store may fail at any time. The next poll tries again. */
  #logFailure(what: string, action: () => MaybePromise<unknown>): MaybePromise<unknown> {
    const done = atOnce(action);
    return done instanceof Promise
      ? done.catch((error) => this.#logger.error(`could not ${what}`, { error: errorMessage(error) }))
      : undefined;
  }
}
