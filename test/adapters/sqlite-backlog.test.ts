import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { SqliteBroker } from "../../src/adapters/sqlite/broker.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { BatchTurns, Fifo, WaitingKeys } from "../../src/adapters/sqlite/waiting-messages.ts";
import { limits } from "../../src/core/limits.ts";
import { CONTROL_QUEUE, type Message } from "../../src/core/messages.ts";
import type { Delivery, OutgoingMessage } from "../../src/ports/broker.ts";
import { temporaryFolder } from "../support/app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function open(concurrency: number) {
  const clock = new VirtualClock();
  const path = `${temporaryFolder()}/baton.sqlite`;
  const logger = createLogger("silent");
  const database = openDatabase({ path, durability: "normal", lockTimeoutSeconds: 5, logger });
  const group = new GroupCommit(database, path);
  const broker = new SqliteBroker(database, group, new StoreClock(database, group, clock, logger), logger, {
    concurrency,
    leaseSeconds: 60,
    pollMs: 50,
  });
  onTestFinished(async () => {
    await broker.stop();
    group.flush();
    database.close();
  });
  return { clock, broker };
}

const taskOf = (batchId: string, level: number): OutgoingMessage => ({
  queue: "q",
  message: { kind: "task", batchId, taskId: `t${level}` },
});

/** Runs chains of four tasks: each publishes the next. Records all tasks in their order. */
function chains(broker: SqliteBroker) {
  const ran: { readonly batchId: string; readonly level: number }[] = [];
  const handler = async ({ message }: Delivery) => {
    if (message.kind !== "task") return;
    const level = Number(message.taskId.slice(1));
    ran.push({ batchId: message.batchId, level });
    if (level < 3) await broker.publish([taskOf(message.batchId, level + 1)]);
  };
  return { ran, handler };
}

/** The most batches that were open at the same time. */
function mostOpen(ran: readonly { readonly batchId: string; readonly level: number }[]): number {
  const openNow = new Set<string>();
  let most = 0;
  for (const { batchId, level } of ran) {
    openNow.add(batchId);
    most = Math.max(most, openNow.size);
    if (level === 3) openNow.delete(batchId);
  }
  return most;
}

const batches = Array.from({ length: 100 }, (_, index) => `b${index}`);

test("a backlog of rows is worked off batch by batch", async () => {
  const { clock, broker } = open(4);
  const { ran, handler } = chains(broker);
  await broker.publish(batches.map((batchId) => taskOf(batchId, 0)));
  broker.start(handler);
  await clock.advance(10_000);
  expect(ran).toHaveLength(400);
  expect(mostOpen(ran)).toBeLessThan(40);
  expect(ran.findIndex(({ batchId, level }) => batchId === "b0" && level === 3)).toBeLessThan(40);
});

test("a backlog in memory is worked off batch by batch", async () => {
  const { clock, broker } = open(4);
  const { ran, handler } = chains(broker);
  broker.start(handler);
  await broker.publish(batches.map((batchId) => taskOf(batchId, 0)));
  await clock.advance(1_000);
  expect(ran).toHaveLength(400);
  expect(mostOpen(ran)).toBeLessThan(40);
  expect(ran.findIndex(({ batchId, level }) => batchId === "b0" && level === 3)).toBeLessThan(40);
});

test.each(["in memory", "as a row"])(
  "a new batch does not wait for all tasks of a large one: %s",
  async (how) => {
    const { clock, broker } = open(4);
    const ran: string[] = [];
    const wide = Array.from({ length: 1_000 }, (_, index) => taskOf("large", 10 + index));
    if (how === "as a row") await broker.publish([taskOf("small", 0)]);
    const chain = chains(broker);
    broker.start(async (delivery) => {
      const { message } = delivery;
      if (message.kind !== "task") return;
      ran.push(`${message.batchId} ${message.taskId}`);
      if (message.batchId === "small") await chain.handler(delivery);
      else if (message.taskId === "t9") await broker.publish(wide);
    });
    await broker.publish([taskOf("large", 9), ...(how === "in memory" ? [taskOf("small", 0)] : [])]);
    await clock.advance(10_000);
    expect(ran).toHaveLength(1_005);
    expect(ran.indexOf("small t3")).toBeLessThan(100);
  },
);

const start = (index: number): OutgoingMessage => ({
  queue: CONTROL_QUEUE,
  message: { kind: "start", workflowId: `w${index}` },
});

test("starts wait while much waits in memory, one at a time; completions, ends and events do not", async () => {
  const { clock, broker } = open(1);
  const running = new Map<Message["kind"], number>();
  const never = new Promise<void>(() => undefined);
  broker.start(({ message }) => {
    running.set(message.kind, (running.get(message.kind) ?? 0) + 1);
    return never;
  });
  const waiting = Array.from({ length: limits.controlConcurrency + 1 }, (_, index) => taskOf("b", index));
  await broker.publish(waiting);
  await broker.publish(Array.from({ length: 10 }, (_, index) => start(index)));
  await broker.publish(
    Array.from({ length: 10 }, (_, index) => ({
      queue: CONTROL_QUEUE,
      message: { kind: "event", batchId: "b", event: `e${index}`, payload: null },
    })),
  );
  await broker.publish(
    ["$end", "a"].map((taskId) => ({
      queue: CONTROL_QUEUE,
      message: { kind: "task", batchId: "b", taskId, previousTaskId: "t0" },
    })),
  );
  await clock.advance(1_000);
  expect(Object.fromEntries(running)).toEqual({ task: 3, start: 1, event: 10 });
  expect(broker.waiting().map(({ queue }) => queue)).toEqual([CONTROL_QUEUE]);
});

test("starts do not wait while little waits in memory", async () => {
  const { clock, broker } = open(1);
  let starts = 0;
  broker.start(async ({ message }) => {
    if (message.kind === "start") starts += 1;
    return new Promise<void>(() => undefined);
  });
  await broker.publish(Array.from({ length: 10 }, (_, index) => start(index)));
  await clock.advance(1_000);
  expect(starts).toBe(10);
});

test("a waiting message is found by its key among any number of others", () => {
  const keys = new WaitingKeys();
  const itemOf = (key: string) => ({
    ...taskOf("batch", 0),
    key,
    deliveryAttempt: 1,
    row: undefined,
    group: undefined,
  });
  const waiting = itemOf("waits");
  keys.add(waiting);
  for (let n = 0; n < 3 * limits.controlConcurrency; n += 1) {
    const passing = itemOf(`passes ${n}`);
    keys.add(passing);
    keys.remove(passing);
    expect(keys.get(passing.key)).toBeUndefined();
  }
  expect(keys.get("waits")).toBe(waiting);
  // Another message with the same key: the first one no longer counts.
  const later = itemOf("waits");
  keys.add(later);
  keys.remove(waiting);
  expect(keys.get("waits")).toBe(later);
});

test("a queue in memory keeps the order of its items while it grows and wraps around", () => {
  const queue = new Fifo<number>();
  const taken: (number | undefined)[] = [];
  for (let n = 1; n <= 100; n += 1) {
    queue.push(n);
    if (n % 3 === 0) taken.push(queue.first, queue.shift());
  }
  const expected = Array.from({ length: 33 }, (_, index) => [index + 1, index + 1]).flat();
  expect(taken).toEqual(expected);
  expect(queue.length).toBe(67);
  expect(queue.drain()).toEqual(Array.from({ length: 67 }, (_, index) => index + 34));
  expect([queue.length, queue.shift()]).toEqual([0, undefined]);
});

test("batches take turns, and a batch that waits again after a pause takes its turn too", () => {
  const turns = new BatchTurns();
  const itemOf = (batchId: string, key: string) => ({
    ...taskOf(batchId, 0),
    key,
    deliveryAttempt: 1,
    row: undefined,
    group: undefined,
  });
  const push = (batchId: string, key: string) => turns.push(batchId, itemOf(batchId, key));
  for (let n = 0; n < 300; n += 1) {
    push(`batch ${n}`, "alone");
    expect(turns.shift()?.key).toBe("alone");
  }
  for (const key of ["a1", "a2", "a3"]) push("batch 0", key);
  push("batch 299", "b1");
  expect(turns.length).toBe(4);
  expect(turns.drain().map(({ key }) => key)).toEqual(["a1", "b1", "a2", "a3"]);
});
