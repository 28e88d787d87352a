import type { DatabaseSync } from "node:sqlite";
import { isRedrivable, type Message, MessageSchema, messageKey } from "../../core/messages.ts";
import type { OutgoingMessage } from "../../ports/broker.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { GroupCommit } from "./group-commit.ts";
import { type MessageRow, MessageTable, type WaitingMessages } from "./message-table.ts";
import type { QueuedMessage } from "./queue-limiter.ts";
import type { StoreClock } from "./store-clock.ts";

/** The messages that are rows: written, leased when they are due, and removed, in the group commit of their turn. */
export class DurableMessages {
  readonly #group: GroupCommit;
  readonly #table: MessageTable;
  readonly #clock: StoreClock;
  readonly #logger: Logger;
  readonly #leaseSeconds: number;
  #dataVersion = -1;
  #nextAt = 0;

  constructor(
    database: DatabaseSync,
    group: GroupCommit,
    clock: StoreClock,
    logger: Logger,
    leaseSeconds: number,
  ) {
    this.#group = group;
    this.#table = group.write(() => new MessageTable(database));
    group.flush();
    this.#clock = clock;
    this.#logger = logger;
    this.#leaseSeconds = leaseSeconds;
    clock.onSetBack((now, shiftMs) => {
      this.#table.redate(now, shiftMs);
      this.#nextAt = 0;
    });
  }

  /** From now on, takes only the messages of this batch. */
  narrowTo(batchId: string): void {
    this.#table.narrowTo(batchId);
  }

  insert({ queue, message }: OutgoingMessage, delayMs: number): void {
    const visibleAt = Math.ceil(this.#clock.writeTime() + delayMs);
    const batchId = "batchId" in message ? message.batchId : undefined;
    const key = isRedrivable(message) ? messageKey(message) : undefined;
    const body = JSON.stringify(message);
    this.#group.write(() => this.#table.insert({ queue, batchId, key, body, visibleAt }));
    this.#nextAt = Math.min(this.#nextAt, visibleAt);
  }

  acknowledge(row: MessageRow): void {
    this.#group.write(() => this.#table.acknowledge(row));
  }

  postpone(row: MessageRow, delayMs: number): void {
    const visibleAt = Math.ceil(this.#clock.writeTime() + delayMs);
    this.#group.write(() => this.#table.postpone(row, visibleAt));
    this.#nextAt = Math.min(this.#nextAt, visibleAt);
  }

  /** Of all processes and batches. */
  waiting(): WaitingMessages[] {
    return this.#group.read(() => this.#table.waiting(this.#clock.now()));
  }

  /** Sees to it that no wait depends on a time that the clock has been set back from. */
  keepTime(): void {
    this.#clock.saveWhileIdle();
  }

  /** Whether one of the rows known here has become due. */
  get isDue(): boolean {
    return this.#nextAt <= this.#clock.now();
  }

  /** Whether another process has written to the file since this was last asked. */
  sawOthersWrite(): boolean {
    const before = this.#dataVersion;
    this.#dataVersion = this.#group.read(() => this.#table.dataVersion());
    return this.#dataVersion !== before;
  }

  /** Leases what is due, of each queue as many as it has room for. */
  take(roomOf: (queue: string) => number): QueuedMessage[] {
    const now = this.#clock.now();
    const queues = this.#group.read(() => this.#table.dueQueues(now));
    const taken = queues.map((queue) => {
      const room = roomOf(queue);
      const items = this.#takeQueue(queue, now, room);
      return { items, mayHaveLeftSome: items.length >= room };
    });
    const mayHaveLeftSome = taken.some((queue) => queue.mayHaveLeftSome);
    this.#nextAt = mayHaveLeftSome ? now : this.#nextVisibleAfter(now);
    return taken.flatMap(({ items }) => items);
  }

  #nextVisibleAfter(now: number): number {
    return this.#group.read(() => this.#table.nextVisibleAt(now)) ?? Number.POSITIVE_INFINITY;
  }

  #takeQueue(queue: string, now: number, room: number): QueuedMessage[] {
    if (room <= 0) return [];
    const visibleAgainAt = now + this.#leaseSeconds * 1_000;
    const rows = this.#group.write(() => this.#table.take(queue, now, visibleAgainAt, room));
    const group = this.#group.current;
    return rows.flatMap((row) => {
      const message = this.#read(row);
      if (!message) return [];
      return [{ queue, message, key: messageKey(message), deliveryAttempt: row.deliveries, row, group }];
    });
  }

  /** A row that another version of Baton wrote and this one can't read stays for one that can. */
  #read(row: MessageRow): Message | undefined {
    const parsed = MessageSchema.safeParse(JSON.parse(row.body));
    if (parsed.success) return parsed.data;
    this.#logger.error("a stored message can't be read by this version", { id: row.id });
    return undefined;
  }
}
