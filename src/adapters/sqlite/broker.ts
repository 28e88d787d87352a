import type { DatabaseSync } from "node:sqlite";
import { errorMessage } from "../../core/errors/errors.ts";
import { isRedrivable, messageKey } from "../../core/messages.ts";
import { backoffMs } from "../../core/retry.ts";
import type { Broker, MessageHandler, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/machine.ts";
import type { Logger } from "../../ports/telemetry.ts";
import { DurableMessages } from "./durable-messages.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { WaitingMessages } from "./message-table.ts";
import {
  type ConcurrencyLane,
  type QueuedMessage,
  QueueLimiter,
  type QueueLimiterOptions,
} from "./queue-limiter.ts";
import type { StoreClock } from "./store-clock.ts";

export interface BrokerOptions extends QueueLimiterOptions {
  /** How long a message that was handed out stays hidden from other processes. */
  readonly leaseSeconds: number;
  /** How often the file is asked whether another process has written to it. */
  readonly pollMs: number;
}

const redelivery = { initialSeconds: 1, factor: 2, maxSeconds: 60, jitter: 0 };

/**
 * The embedded broker. What the store's records alone can bring back after a crash is handed from memory and never
 * written; everything else is a row of the same file, in the same group commit as the work it belongs to.
 */
export class SqliteBroker implements Broker, Timer {
  readonly #group: GroupCommit;
  readonly #durable: DurableMessages;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #pollMs: number;
  readonly #limiter: QueueLimiter;
  #handler: MessageHandler | undefined;
  #pumping = false;
  #cancelPoll: () => void = () => undefined;

  constructor(
    database: DatabaseSync,
    group: GroupCommit,
    clock: StoreClock,
    logger: Logger,
    options: BrokerOptions,
  ) {
    this.#group = group;
    this.#durable = new DurableMessages(database, group, clock, logger, options.leaseSeconds);
    this.#clock = clock;
    this.#logger = logger;
    this.#pollMs = options.pollMs;
    this.#limiter = new QueueLimiter(options, clock);
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const outgoing of messages)
      if (this.#handler && isRedrivable(outgoing.message)) this.#pushFromMemory(outgoing);
      else this.#durable.insert(outgoing, 0);
    this.#pumpSoon();
  }

  async schedule(outgoing: OutgoingMessage, delayMs: number): Promise<void> {
    this.#durable.insert(outgoing, delayMs);
  }

  /** Begins to hand messages to the handler: all, or only those of one batch. */
  start(handler: MessageHandler, scope: { readonly batchId?: string | undefined } = {}): void {
    if (scope.batchId !== undefined) this.#durable.narrowTo(scope.batchId);
    this.#handler = handler;
    this.#poll();
  }

  /** Hands out nothing more; what waited in memory is written down for whoever comes next. */
  async stop(): Promise<void> {
    const mark = this.#group.mark();
    this.#handler = undefined;
    this.#cancelPoll();
    for (const lane of this.#limiter.lanes())
      for (const item of lane.drain())
        if (item.row) this.#durable.postpone(item.row, 0);
        else if (!item.group?.failed) this.#durable.insert(item, 0);
    await this.#group.sync(mark);
  }

  /** Messages being handled now. */
  get active(): number {
    return this.#limiter.active;
  }

  /** Messages on disk, by queue: of every process. What a process holds in memory is not among them. */
  waiting(): readonly WaitingMessages[] {
    return this.#durable.waiting();
  }

  #pushFromMemory({ queue, message }: OutgoingMessage): void {
    const group = this.#group.current;
    const key = messageKey(message);
    this.#limiter.lane(queue).push({ queue, message, key, deliveryAttempt: 1, row: undefined, group });
  }

  /** Not at once: a handler that publishes must not run other handlers inside itself. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    const handler = this.#handler;
    if (!handler) return;
    for (const lane of this.#limiter.lanes()) {
      for (let item = lane.next(); item; item = lane.next()) void this.#deliver(handler, lane, item);
      lane.callWhenAllowed(() => this.#takeRows());
    }
  }

  async #deliver(handler: MessageHandler, lane: ConcurrencyLane, item: QueuedMessage): Promise<void> {
    const { message, deliveryAttempt } = item;
    const release = () => {
      lane.release(item);
      this.#refill(lane);
    };
    try {
      await handler({ message, deliveryAttempt, release });
      this.#logFailure("settle a message", () => item.row && this.#durable.acknowledge(item.row));
    } catch (error) {
      this.#logFailure("settle a message", () => this.#redeliver(item, error));
    }
    lane.done(item);
    this.#refill(lane);
  }

  /** A place has become free. */
  #refill(lane: ConcurrencyLane): void {
    if (lane.freeRowSlots > 0 && this.#durable.isDue) this.#takeRows();
    this.#pumpSoon();
  }

  #redeliver(item: QueuedMessage, error: unknown): void {
    const delayMs = backoffMs(redelivery, item.deliveryAttempt, 0);
    const problem = errorMessage(error);
    this.#logger.warn("a message will be delivered again", { key: item.key, error: problem, delayMs });
    if (item.row) this.#durable.postpone(item.row, delayMs);
    else this.#redeliverFromMemory(item, delayMs);
  }

  /** If the group of the message was undone, whoever published it is redelivered, and publishes it again. */
  #redeliverFromMemory(item: QueuedMessage, delayMs: number): void {
    this.#clock.after(delayMs, () => {
      if (!this.#handler || item.group?.failed) return;
      this.#limiter.lane(item.queue).push({ ...item, deliveryAttempt: item.deliveryAttempt + 1 });
      this.#pumpSoon();
    });
  }

  #poll(): void {
    if (!this.#handler) return;
    this.#logFailure("look for messages", () => {
      this.#durable.keepTime();
      if (this.#durable.sawOthersWrite() || this.#durable.isDue) this.#takeRows();
    });
    this.#cancelPoll = this.#clock.after(this.#pollMs, () => this.#poll());
  }

  #takeRows(): void {
    if (!this.#handler) return;
    this.#logFailure("take messages", () => {
      for (const item of this.#durable.take((queue) => this.#limiter.lane(queue).freeRowSlots))
        this.#limiter.lane(item.queue).push(item);
    });
    this.#pumpSoon();
  }

  /** The store may fail at any time: what could not be done is tried again at the next look. */
  #logFailure(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#logger.error(`could not ${what}`, { error: errorMessage(error) });
    }
  }
}
