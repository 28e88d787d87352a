import type { DatabaseSync } from "node:sqlite";
import { CONTROL_QUEUE, isRedrivable, type Message, MessageSchema, messageKey } from "../../core/messages.ts";
import type { OutgoingMessage } from "../../ports/broker.ts";
import type { MaybePromise } from "../../ports/store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Group, GroupCommit } from "./group-commit.ts";
import type { StoreClock } from "./store-clock.ts";

/** The queue of messages that may open batches, among the control messages. They wait while much else does. */
export const OPENING_QUEUE = "$opening";

/** Messages that start batches, or publish the first messages of batches that lost them. */
const openingKinds: ReadonlySet<Message["kind"]> = new Set(["start", "object", "tick", "sweep", "redrive"]);

/** The message in the queue in which this process keeps it. */
export function inOwnQueue(outgoing: OutgoingMessage): OutgoingMessage {
  const isOpening = outgoing.queue === CONTROL_QUEUE && openingKinds.has(outgoing.message.kind);
  return isOpening ? { ...outgoing, queue: OPENING_QUEUE } : outgoing;
}

export interface MessageRow {
  readonly id: number;
  readonly queue: string;
  readonly body: string;
  /** Times it was handed out, this time included. */
  readonly deliveries: number;
}

/** A message that this process has leased, or that waits in its memory. */
export interface QueuedMessage {
  readonly queue: string;
  readonly message: Message;
  readonly key: string;
  readonly deliveryAttempt: number;
  /** The row it was leased from. Undefined: it is in memory only. */
  readonly row: MessageRow | undefined;
  /** The group commit it was published in. If that is rolled back, the message must not be delivered. */
  readonly group: Group | undefined;
}

/** How many messages of a queue are on disk. */
export interface WaitingMessages {
  readonly queue: string;
  readonly messages: number;
  /** Messages whose time has come and that no process has leased. */
  readonly due: number;
}

/**
 * Messages on disk. A due row is leased by moving its `visible_at` into the future, so the messages of a dead process
 * become visible again by themselves. Every write belongs to the group commit of its turn.
 */
export class MessageStore {
  readonly #group: GroupCommit;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #clock: StoreClock;
  readonly #logger: Logger;
  readonly #leaseSeconds: number;
  #scope: string | null = null;
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
    this.#statements = group.writeNow(() => prepareStatements(database));
    group.flush();
    this.#clock = clock;
    this.#logger = logger;
    this.#leaseSeconds = leaseSeconds;
    clock.onSetBack((now, shiftMs) => {
      // A message that becomes visible too early is delayed again by its handler.
      this.#statements.shiftTimes.run(now, shiftMs, now);
      this.#nextAt = 0;
    });
  }

  /** From now on takes the messages of this batch only. */
  restrictToBatch(batchId: string): void {
    this.#scope = batchId;
  }

  /** Adds nothing if an untaken message with the same key becomes visible no later. */
  insert({ queue, message }: OutgoingMessage, delayMs: number): MaybePromise<void> {
    const batchId = "batchId" in message ? message.batchId : null;
    const key = isRedrivable(message) ? messageKey(message) : null;
    const body = JSON.stringify(message);
    return this.#group.write(() => {
      const visibleAt = Math.ceil(this.#clock.writeTime() + delayMs);
      const isNeeded = key === null || !this.#statements.findSooner.get(key, visibleAt);
      if (isNeeded) this.#statements.insert.run(queue, batchId, key, body, visibleAt);
      // Not before: a write that fails must leave a time that comes.
      this.#nextAt = Math.min(this.#nextAt, visibleAt);
    });
  }

  /** Removes a message, unless it was handed out again since. */
  acknowledge(row: MessageRow): MaybePromise<unknown> {
    return this.#group.write(() => this.#statements.delete.run(row.id, row.deliveries));
  }

  /** Makes a message visible after the delay, unless it was handed out again since. */
  postpone(row: MessageRow, delayMs: number): MaybePromise<void> {
    return this.#group.write(() => {
      const visibleAt = Math.ceil(this.#clock.writeTime() + delayMs);
      this.#statements.postpone.run(visibleAt, row.id, row.deliveries);
      this.#nextAt = Math.min(this.#nextAt, visibleAt);
    });
  }

  /** The messages of all processes and batches. */
  waiting(): WaitingMessages[] {
    const rows = this.#group.read(() => this.#statements.countWaiting.all(this.#clock.now()));
    return rows.map((row) => ({
      queue: String(row.name),
      messages: Number(row.messages),
      due: Number(row.due),
    }));
  }

  /** Lets the clock check itself while there are no writes. */
  saveClock(): void {
    this.#clock.saveWhileIdle();
  }

  /** Whether one of the rows known here has become due. */
  get isDue(): boolean {
    return this.#nextAt <= this.#clock.now();
  }

  /** Whether another process has written to the file since the last call. */
  hasForeignWrites(): boolean {
    const before = this.#dataVersion;
    // SQLite changes this number when another connection has committed.
    const row = this.#group.read(() => this.#statements.dataVersion.get());
    this.#dataVersion = Number(row?.data_version);
    return this.#dataVersion !== before;
  }

  /** Leases due messages, of each queue at most as many as it has free slots. */
  take(freeSlots: (queue: string) => number): MaybePromise<QueuedMessage[]> {
    const now = this.#clock.now();
    const scope = this.#scope;
    const queues = this.#group.read(() => this.#statements.dueQueues.all(now, scope, scope));
    const names = queues.map((row) => String(row.queue));
    if (!names.some((queue) => freeSlots(queue) > 0)) {
      this.#nextAt = names.length > 0 ? now : this.#nextVisibleAfter(now);
      return [];
    }
    return this.#group.write(() => {
      const messages: QueuedMessage[] = [];
      let mayHaveMore = false;
      for (const queue of names) {
        const limit = freeSlots(queue);
        const taken = this.#takeQueue(queue, now, limit);
        mayHaveMore ||= taken.length >= limit;
        messages.push(...taken);
      }
      this.#nextAt = mayHaveMore ? now : this.#nextVisibleAfter(now);
      return messages;
    });
  }

  #nextVisibleAfter(now: number): number {
    const row = this.#group.read(() => this.#statements.nextVisible.get(now, this.#scope, this.#scope));
    return row?.at === null || row?.at === undefined ? Number.POSITIVE_INFINITY : Number(row.at);
  }

  #takeQueue(queue: string, now: number, limit: number): QueuedMessage[] {
    if (limit <= 0) return [];
    const leaseEnd = now + this.#leaseSeconds * 1_000;
    const scope = this.#scope;
    const rows = this.#statements.take.all(leaseEnd, queue, now, scope, scope, limit);
    const group = this.#group.current;
    return rows.flatMap((columns) => {
      const row: MessageRow = {
        id: Number(columns.id),
        queue: String(columns.queue),
        body: String(columns.body),
        deliveries: Number(columns.deliveries),
      };
      const message = this.#parse(row);
      if (!message) return [];
      return [{ queue, message, key: messageKey(message), deliveryAttempt: row.deliveries, row, group }];
    });
  }

  /** A row that this version can't parse stays in the table for a version that can. */
  #parse(row: MessageRow): Message | undefined {
    const parsed = MessageSchema.safeParse(JSON.parse(row.body));
    if (parsed.success) return parsed.data;
    this.#logger.error("a stored message can't be read by this version", { id: row.id });
    return undefined;
  }
}

const inScope = "(? IS NULL OR batch = ?)";

/** Creates the table if it does not exist. */
function prepareStatements(database: DatabaseSync) {
  database.exec(`
    CREATE TABLE IF NOT EXISTS messages (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      queue TEXT NOT NULL, batch TEXT, key TEXT, body TEXT NOT NULL,
      visible_at INTEGER NOT NULL, deliveries INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS messages_key ON messages (key) WHERE key IS NOT NULL;
    CREATE INDEX IF NOT EXISTS messages_visible ON messages (visible_at);
    CREATE INDEX IF NOT EXISTS messages_of_queue ON messages (queue, visible_at);
  `);
  return {
    insert: database.prepare(
      "INSERT INTO messages (queue, batch, key, body, visible_at, deliveries) VALUES (?, ?, ?, ?, ?, 0)",
    ),
    findSooner: database.prepare(
      "SELECT 1 FROM messages WHERE key = ? AND deliveries = 0 AND visible_at <= ? LIMIT 1",
    ),
    take: database.prepare(`
      UPDATE messages SET visible_at = ?, deliveries = deliveries + 1
      WHERE id IN (
        SELECT id FROM messages WHERE queue = ? AND visible_at <= ? AND ${inScope} ORDER BY visible_at LIMIT ?)
      RETURNING id, queue, body, deliveries`),
    delete: database.prepare("DELETE FROM messages WHERE id = ? AND deliveries = ?"),
    postpone: database.prepare("UPDATE messages SET visible_at = ? WHERE id = ? AND deliveries = ?"),
    shiftTimes: database.prepare(
      "UPDATE messages SET visible_at = max(?, visible_at - ?) WHERE visible_at > ?",
    ),
    // Steps from one queue to the next by the index, so a long backlog costs nothing here.
    dueQueues: database.prepare(`
      WITH RECURSIVE queues (queue) AS (
        SELECT min(queue) FROM messages
        UNION ALL
        SELECT (SELECT min(m.queue) FROM messages m WHERE m.queue > queues.queue) FROM queues WHERE queue IS NOT NULL
      )
      SELECT queue FROM queues WHERE EXISTS (
        SELECT 1 FROM messages m WHERE m.queue = queues.queue AND m.visible_at <= ? AND ${inScope})`),
    nextVisible: database.prepare(
      `SELECT min(visible_at) AS at FROM messages WHERE visible_at > ? AND ${inScope}`,
    ),
    countWaiting: database.prepare(
      `SELECT iif(queue = '${OPENING_QUEUE}', '${CONTROL_QUEUE}', queue) AS name, count(*) AS messages,
         sum(visible_at <= ?) AS due FROM messages GROUP BY name ORDER BY name`,
    ),
    dataVersion: database.prepare("PRAGMA data_version"),
  };
}
