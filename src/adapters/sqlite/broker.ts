import type { DatabaseSync } from "node:sqlite";
import { messageOf } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { CONTROL_QUEUE, isRedrivable, type Message, MessageSchema, messageKey } from "../../core/messages.ts";
import { backoffMs } from "../../core/retry.ts";
import type { Broker, MessageHandler, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Logger } from "../../ports/logger.ts";
import type { GroupCommit } from "./group-commit.ts";
import { type Item, Lane } from "./lane.ts";
import { type MessageRow, MessageTable } from "./message-table.ts";

export interface BrokerOptions {
  /** Messages of one queue that are handled at the same time. */
  readonly concurrency: number;
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
  readonly #messages: MessageTable;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #options: BrokerOptions;
  readonly #lanes = new Map<string, Lane>();
  #handler: MessageHandler | undefined;
  #pumping = false;
  #dataVersion = -1;
  #nextRowAt = 0;
  #cancelPoll: () => void = () => undefined;

  constructor(
    database: DatabaseSync,
    group: GroupCommit,
    clock: Clock,
    logger: Logger,
    options: BrokerOptions,
  ) {
    this.#group = group;
    this.#messages = group.write(() => new MessageTable(database));
    group.flush();
    this.#clock = clock;
    this.#logger = logger;
    this.#options = options;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    for (const { queue, message } of messages) {
      if (this.#handler && isRedrivable(message)) this.#pushFromMemory(queue, message, 1);
      else this.#insertRow(queue, message, 0);
    }
    this.#pumpSoon();
  }

  async schedule({ queue, message }: OutgoingMessage, delayMs: number): Promise<void> {
    this.#insertRow(queue, message, delayMs);
  }

  /** Begins to hand messages to the handler: all, or only those of one batch. */
  start(handler: MessageHandler, scope: { readonly batchId?: string | undefined } = {}): void {
    if (scope.batchId !== undefined) this.#messages.narrowTo(scope.batchId);
    this.#handler = handler;
    this.#poll();
  }

  /** Hands out nothing more; what waited in memory is written down for whoever comes next. */
  async stop(): Promise<void> {
    const mark = this.#group.mark();
    this.#handler = undefined;
    this.#cancelPoll();
    for (const lane of this.#lanes.values())
      for (const item of lane.drain())
        if (item.row) this.#postpone(item.row, 0);
        else this.#insertRow(item.queue, item.message, 0);
    await this.#group.sync(mark);
  }

  /** Messages being handled now. */
  get active(): number {
    let active = 0;
    for (const lane of this.#lanes.values()) active += lane.active;
    return active;
  }

  #insertRow(queue: string, message: Message, delayMs: number): void {
    const visibleAt = this.#clock.now() + delayMs;
    const batchId = "batchId" in message ? message.batchId : undefined;
    const body = JSON.stringify(message);
    const key = isRedrivable(message) ? messageKey(message) : undefined;
    this.#group.write(() => this.#messages.insert({ queue, batchId, key, body, visibleAt }));
    this.#nextRowAt = Math.min(this.#nextRowAt, visibleAt);
  }

  #pushFromMemory(queue: string, message: Message, deliveryAttempt: number): void {
    const key = messageKey(message);
    const group = this.#group.current;
    this.#lane(queue).push({ queue, message, key, deliveryAttempt, row: undefined, group });
  }

  #lane(queue: string): Lane {
    const found = this.#lanes.get(queue);
    if (found) return found;
    const lane = new Lane(queue === CONTROL_QUEUE ? limits.controlConcurrency : this.#options.concurrency);
    this.#lanes.set(queue, lane);
    return lane;
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
    for (const lane of this.#lanes.values())
      for (let item = lane.next(); item; item = lane.next()) this.#deliver(handler, lane, item);
  }

  #deliver(handler: MessageHandler, lane: Lane, item: Item): void {
    if (item.group?.failed) return;
    lane.active += 1;
    handler({ message: item.message, deliveryAttempt: item.deliveryAttempt }).then(
      () => this.#delivered(lane, () => item.row && this.#acknowledge(item.row)),
      (error: unknown) => this.#delivered(lane, () => this.#redeliver(item, error)),
    );
  }

  #delivered(lane: Lane, settle: () => void): void {
    lane.active -= 1;
    try {
      settle();
    } catch (error) {
      // The row keeps its lease and comes back when that ends.
      this.#logger.error("could not settle a message", { error: messageOf(error) });
    }
    if (lane.room > 0 && this.#nextRowAt <= this.#clock.now()) this.#takeRows();
    this.#pumpSoon();
  }

  #acknowledge(row: MessageRow): void {
    this.#group.write(() => this.#messages.acknowledge(row));
  }

  #postpone(row: MessageRow, delayMs: number): void {
    const visibleAt = this.#clock.now() + delayMs;
    this.#group.write(() => this.#messages.postpone(row, visibleAt));
    this.#nextRowAt = Math.min(this.#nextRowAt, visibleAt);
  }

  #redeliver(item: Item, error: unknown): void {
    const delayMs = backoffMs(redelivery, item.deliveryAttempt, 0);
    this.#logger.warn("a message will be delivered again", {
      key: item.key,
      error: messageOf(error),
      delayMs,
    });
    if (item.row) this.#postpone(item.row, delayMs);
    else this.#redeliverFromMemory(item, delayMs);
  }

  /** If the group of the message was undone, whoever published it is redelivered, and publishes it again. */
  #redeliverFromMemory(item: Item, delayMs: number): void {
    this.#clock.after(delayMs, () => {
      if (!this.#handler || item.group?.failed) return;
      this.#lane(item.queue).push({ ...item, deliveryAttempt: item.deliveryAttempt + 1 });
      this.#pumpSoon();
    });
  }

  #poll(): void {
    if (!this.#handler) return;
    try {
      const version = this.#group.read(() => this.#messages.dataVersion());
      if (version !== this.#dataVersion || this.#nextRowAt <= this.#clock.now()) this.#takeRows();
      this.#dataVersion = version;
    } catch (error) {
      this.#logger.error("could not look for messages", { error: messageOf(error) });
    }
    this.#cancelPoll = this.#clock.after(this.#options.pollMs, () => this.#poll());
  }

  #takeRows(): void {
    const now = this.#clock.now();
    const queues = this.#group.read(() => this.#messages.dueQueues(now));
    for (const queue of queues) this.#takeQueue(queue, now);
    const full = queues.some((queue) => this.#lane(queue).room <= 0);
    const next = this.#group.read(() => this.#messages.nextVisibleAt(full ? 0 : now));
    this.#nextRowAt = next ?? Number.POSITIVE_INFINITY;
    this.#pumpSoon();
  }

  #takeQueue(queue: string, now: number): void {
    const lane = this.#lane(queue);
    if (lane.room <= 0) return;
    const visibleAgainAt = now + this.#options.leaseSeconds * 1_000;
    const rows = this.#group.write(() => this.#messages.take(queue, now, visibleAgainAt, lane.room));
    for (const row of rows) {
      const message = this.#read(row);
      if (!message) continue;
      const key = messageKey(message);
      lane.push({ queue, message, key, deliveryAttempt: row.deliveries, row, group: this.#group.current });
    }
  }

  /** A row that another version of Baton wrote and this one can't read stays for one that can. */
  #read(row: MessageRow): Message | undefined {
    const parsed = MessageSchema.safeParse(JSON.parse(row.body));
    if (parsed.success) return parsed.data;
    this.#logger.error("a stored message can't be read by this version", { id: row.id, body: row.body });
    return undefined;
  }
}
