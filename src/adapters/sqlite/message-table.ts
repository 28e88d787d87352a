import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface MessageRow {
  readonly id: number;
  readonly queue: string;
  readonly body: string;
  /** Times it was handed out, this time included. */
  readonly deliveries: number;
}

/** How many messages of a queue are on disk. */
export interface WaitingMessages {
  readonly queue: string;
  readonly messages: number;
  /** Those whose time has come, and that nobody has been given. */
  readonly due: number;
}

export interface NewMessage {
  readonly queue: string;
  readonly body: string;
  /** The batch it belongs to, if any. */
  readonly batchId: string | undefined;
  /** Messages of the same key ask for the same thing; undefined when the key does not say all. */
  readonly key: string | undefined;
  readonly visibleAt: number;
}

const ofScope = "(? IS NULL OR batch = ?)";

/** Messages on disk: due ones are leased by moving `visible_at`, so a dead worker's messages come back by themselves. */
export class MessageTable {
  readonly #insert: StatementSync;
  readonly #findSooner: StatementSync;
  readonly #take: StatementSync;
  readonly #delete: StatementSync;
  readonly #postpone: StatementSync;
  readonly #redate: StatementSync;
  readonly #dueQueues: StatementSync;
  readonly #nextVisible: StatementSync;
  readonly #waiting: StatementSync;
  readonly #dataVersion: StatementSync;
  #scope: string | null = null;

  constructor(database: DatabaseSync) {
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
    this.#insert = database.prepare(
      "INSERT INTO messages (queue, batch, key, body, visible_at, deliveries) VALUES (?, ?, ?, ?, ?, 0)",
    );
    this.#findSooner = database.prepare(
      "SELECT 1 FROM messages WHERE key = ? AND deliveries = 0 AND visible_at <= ? LIMIT 1",
    );
    this.#take = database.prepare(`
      UPDATE messages SET visible_at = ?, deliveries = deliveries + 1
      WHERE id IN (
        SELECT id FROM messages WHERE queue = ? AND visible_at <= ? AND ${ofScope} ORDER BY visible_at LIMIT ?)
      RETURNING id, queue, body, deliveries`);
    this.#delete = database.prepare("DELETE FROM messages WHERE id = ? AND deliveries = ?");
    this.#postpone = database.prepare("UPDATE messages SET visible_at = ? WHERE id = ? AND deliveries = ?");
    this.#redate = database.prepare(
      "UPDATE messages SET visible_at = max(?, visible_at - ?) WHERE visible_at > ?",
    );
    // From one queue to the next by the index: a backlog costs nothing here.
    this.#dueQueues = database.prepare(`
      WITH RECURSIVE queues (queue) AS (
        SELECT min(queue) FROM messages
        UNION ALL
        SELECT (SELECT min(m.queue) FROM messages m WHERE m.queue > queues.queue) FROM queues WHERE queue IS NOT NULL
      )
      SELECT queue FROM queues WHERE EXISTS (
        SELECT 1 FROM messages m WHERE m.queue = queues.queue AND m.visible_at <= ? AND ${ofScope})`);
    this.#nextVisible = database.prepare(
      `SELECT min(visible_at) AS at FROM messages WHERE visible_at > ? AND ${ofScope}`,
    );
    this.#waiting = database.prepare(
      "SELECT queue, count(*) AS messages, sum(visible_at <= ?) AS due FROM messages GROUP BY queue ORDER BY queue",
    );
    this.#dataVersion = database.prepare("PRAGMA data_version");
  }

  /** From now on, takes only the messages of this batch. */
  narrowTo(batchId: string): void {
    this.#scope = batchId;
  }

  /** Adds nothing when a message of the same key waits that nobody has taken yet and that comes no later. */
  insert({ queue, batchId, key, body, visibleAt }: NewMessage): void {
    if (key !== undefined && this.#findSooner.get(key, visibleAt)) return;
    this.#insert.run(queue, batchId ?? null, key ?? null, body, visibleAt);
  }

  take(queue: string, now: number, visibleAgainAt: number, most: number): MessageRow[] {
    const scope = this.#scope;
    return this.#take.all(visibleAgainAt, queue, now, scope, scope, most).map((row) => ({
      id: Number(row.id),
      queue: String(row.queue),
      body: String(row.body),
      deliveries: Number(row.deliveries),
    }));
  }

  /** Removes a message, unless it was handed out again since. */
  acknowledge(row: MessageRow): void {
    this.#delete.run(row.id, row.deliveries);
  }

  postpone(row: MessageRow, visibleAt: number): void {
    this.#postpone.run(visibleAt, row.id, row.deliveries);
  }

  /** Messages whose time a clock that was ahead has put off. One that comes too early waits again. */
  redate(now: number, shiftMs: number): void {
    this.#redate.run(now, shiftMs, now);
  }

  dueQueues(now: number): string[] {
    return this.#dueQueues.all(now, this.#scope, this.#scope).map((row) => String(row.queue));
  }

  /** When the next message becomes visible, if any is waiting. */
  nextVisibleAt(now: number): number | undefined {
    const at = this.#nextVisible.get(now, this.#scope, this.#scope)?.at;
    return at === null || at === undefined ? undefined : Number(at);
  }

  waiting(now: number): WaitingMessages[] {
    return this.#waiting.all(now).map((row) => ({
      queue: String(row.queue),
      messages: Number(row.messages),
      due: Number(row.due),
    }));
  }

  /** Changes whenever another connection has committed something to the file. */
  dataVersion(): number {
    return Number(this.#dataVersion.get()?.data_version);
  }
}
