import { onTestFinished } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { SqliteBroker } from "../../src/adapters/sqlite/broker.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import type { Message } from "../../src/core/messages.ts";
import type { QueueSettings } from "../../src/core/queues.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { temporaryFolder } from "../support/app.ts";

interface Options {
  readonly clock: Clock;
  readonly queues: Readonly<Record<string, QueueSettings>>;
  readonly path?: string;
  readonly concurrency?: number;
  /** So long that nothing in these tests happens because of a poll, unless the test says otherwise. */
  readonly pollMs?: number;
}

export function open({ clock, queues, path = `${temporaryFolder()}/baton.sqlite`, ...more }: Options) {
  const database = openDatabase({
    path,
    durability: "normal",
    lockTimeoutSeconds: 5,
    logger: createLogger("silent"),
  });
  const group = new GroupCommit(database, path);
  const storeClock = new StoreClock(database, group, clock, createLogger("silent"));
  const broker = new SqliteBroker(database, group, storeClock, createLogger("silent"), {
    concurrency: more.concurrency ?? 5,
    queues: new Map(Object.entries(queues)),
    leaseSeconds: 60,
    pollMs: more.pollMs ?? 1e9,
  });
  onTestFinished(async () => {
    await broker.stop();
    group.flush();
    database.close();
  });
  const leased = () =>
    Number(database.prepare("SELECT count(*) AS n FROM messages WHERE visible_at > ?").get(clock.now())?.n);
  return { path, broker, group, leased };
}

/** Kept in memory by a broker that was started. */
export const inMemory = (queue: string, id: string): OutgoingMessage => ({
  queue,
  message: { kind: "task", batchId: "b", taskId: `${queue}-${id}` },
});

/** Always a row. */
export const asRow = (queue: string, id: string): OutgoingMessage => ({
  queue,
  message: { kind: "start", workflowId: `${queue}-row-${id}` },
});

export const many = (count: number, make: (queue: string, id: string) => OutgoingMessage, queue: string) =>
  Array.from({ length: count }, (_, index) => make(queue, String(index)));

export function nameOf(message: Message): string {
  if (message.kind === "task") return message.taskId;
  return message.kind === "start" ? message.workflowId : message.kind;
}
