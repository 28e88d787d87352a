import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { SqliteBroker } from "../../src/adapters/sqlite/broker.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";
import { GroupCommit } from "../../src/adapters/sqlite/group-commit.ts";
import { StoreClock } from "../../src/adapters/sqlite/store-clock.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { CONTROL_QUEUE, type Message, type TaskMessage } from "../../src/core/messages.ts";
import type { Delivery } from "../../src/ports/broker.ts";
import { temporaryFolder } from "../support/app.ts";

function open(options: { path?: string; concurrency?: number; leaseSeconds?: number } = {}) {
  const path = options.path ?? `${temporaryFolder()}/baton.sqlite`;
  const database = openDatabase({
    path,
    durability: "full",
    lockTimeoutSeconds: 5,
    logger: createLogger("silent"),
  });
  const group = new GroupCommit(database, path);
  const storeClock = new StoreClock(database, group, systemClock, createLogger("silent"));
  const broker = new SqliteBroker(database, group, storeClock, createLogger("silent"), {
    concurrency: options.concurrency ?? 2,
    leaseSeconds: options.leaseSeconds ?? 60,
    pollMs: 5,
  });
  const close = async () => {
    if (!database.isOpen) return;
    await broker.stop();
    group.flush();
    database.close();
  };
  onTestFinished(close);
  const rows = () => Number(database.prepare("SELECT count(*) AS n FROM messages").get()?.n);
  return { path, database, group, broker, close, rows };
}

const task = (taskId: string, more: Partial<TaskMessage> = {}): Message => ({
  kind: "task",
  batchId: "b",
  taskId,
  ...more,
});
const start: Message = { kind: "start", workflowId: "w", key: "k" };
const idsOf = (deliveries: readonly Delivery[]) =>
  deliveries.map(({ message }) => (message.kind === "task" ? message.taskId : message.kind));

/** Collects deliveries; the handler can be made to fail. */
function collect(fails: (delivery: Delivery) => boolean = () => false) {
  const seen: Delivery[] = [];
  const handler = async (delivery: Delivery) => {
    seen.push(delivery);
    if (fails(delivery)) throw new Error("not now");
  };
  return { seen, handler };
}

test("a message that only exists as a message is a row until it is handled", async () => {
  const { broker, group, rows } = open();
  const { seen, handler } = collect();
  await broker.publish([{ queue: CONTROL_QUEUE, message: start }]);
  await group.sync(group.mark());
  expect(rows()).toBe(1);
  broker.start(handler);
  await expect.poll(() => idsOf(seen)).toEqual(["start"]);
  await expect.poll(rows).toBe(0);
});

test("a message that the store can recreate is handed over without a row", async () => {
  const { broker, rows } = open();
  const { seen, handler } = collect();
  broker.start(handler);
  await broker.publish([{ queue: "q", message: task("a") }]);
  await expect.poll(() => idsOf(seen)).toEqual(["a"]);
  expect(rows()).toBe(0);
});

test("a handler that fails gets the message again, with the count of deliveries", async () => {
  const { broker } = open();
  const { seen, handler } = collect(({ deliveryAttempt }) => deliveryAttempt === 1);
  broker.start(handler);
  await broker.publish([
    { queue: "q", message: task("memory") },
    { queue: "q", message: start },
  ]);
  await expect.poll(() => seen.map(({ deliveryAttempt }) => deliveryAttempt)).toEqual([1, 1, 2, 2]);
});

test("a message whose handler died is delivered again after its lease", async () => {
  const first = open({ leaseSeconds: 0.2 });
  const dead = collect();
  first.broker.start(async (delivery) => {
    await dead.handler(delivery);
    return new Promise(() => undefined);
  });
  await first.broker.publish([{ queue: "q", message: start }]);
  await expect.poll(() => dead.seen).toHaveLength(1);
  // And again, if this is slow.
  const attempts = () => dead.seen.slice(0, 2).map(({ deliveryAttempt }) => deliveryAttempt);
  await expect.poll(attempts).toEqual([1, 2]);
});

test("a delayed message is delivered at its time, not earlier", async () => {
  const { broker } = open();
  const { seen, handler } = collect();
  broker.start(handler);
  const began = Date.now();
  await broker.schedule({ queue: "q", message: task("late") }, 200);
  await expect.poll(() => seen).toHaveLength(1);
  expect(Date.now() - began).toBeGreaterThanOrEqual(200);
});

test("a queue handles no more at once than its concurrency, and another queue does not wait for it", async () => {
  const { broker } = open({ concurrency: 2 });
  const running = new Set<string>();
  broker.start(({ message }) => {
    running.add(idsOf([{ message, deliveryAttempt: 1 }])[0] ?? "");
    return new Promise(() => undefined);
  });
  const busy = ["a", "b", "c", "d"].map((id) => ({ queue: "busy", message: task(id) }));
  await broker.publish([...busy, { queue: "other", message: task("e") }]);
  await expect.poll(() => [...running]).toEqual(["a", "b", "e"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(running.size).toBe(3);
});

test("a message whose work is done frees its slot; as many may wait for the disk as may run", async () => {
  const { broker } = open({ concurrency: 1 });
  const seen: Delivery[] = [];
  const onDisk: (() => void)[] = [];
  broker.start((delivery) => {
    seen.push(delivery);
    delivery.release?.();
    return new Promise<void>((resolve) => void onDisk.push(resolve));
  });
  await broker.publish(["a", "b", "c"].map((id) => ({ queue: "q", message: task(id) })));
  await expect.poll(() => idsOf(seen)).toEqual(["a", "b"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(broker.active).toBe(2);
  onDisk[0]?.();
  await expect.poll(() => idsOf(seen)).toEqual(["a", "b", "c"]);
  for (const resolve of onDisk) resolve();
  await expect.poll(() => broker.active).toBe(0);
});

test("the same message waiting twice is handled once; asked for again while it is handled, again", async () => {
  const { broker } = open({ concurrency: 1 });
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  broker.start(async ({ message }) => {
    seen.push(idsOf([{ message, deliveryAttempt: 1 }])[0] ?? "");
    await promise;
  });
  await broker.publish([{ queue: "q", message: task("first") }]);
  await expect.poll(() => seen).toEqual(["first"]);
  for (const id of ["a", "a", "first", "a"]) await broker.publish([{ queue: "q", message: task(id) }]);
  resolve();
  await expect.poll(() => seen).toEqual(["first", "a", "first"]);
});

test("a storm of the same delayed message adds one row; a sooner one is kept too", async () => {
  const { broker, rows } = open();
  for (let n = 0; n < 100; n++) await broker.schedule({ queue: "q", message: task("a") }, 60_000 + n);
  expect(rows()).toBe(1);
  await broker.schedule({ queue: "q", message: task("a") }, 1_000);
  expect(rows()).toBe(2);
  const completion = { previousTaskId: "a", completion: { result: 1 } };
  await broker.schedule({ queue: "q", message: task("a", completion) }, 60_000);
  await broker.schedule({ queue: "q", message: task("a", completion) }, 60_000);
  expect(rows()).toBe(4);
});

test("a message that schedules itself while it is handled is not confused with the row it came from", async () => {
  const { broker, rows } = open();
  const { seen, handler } = collect();
  broker.start(async (delivery) => {
    await handler(delivery);
    if (seen.length === 1) await broker.schedule({ queue: "q", message: task("a") }, 100_000);
  });
  await broker.schedule({ queue: "q", message: task("a") }, 0);
  await expect.poll(() => seen).toHaveLength(1);
  await expect.poll(rows).toBe(1);
});

test("a message published by writes that were undone is dropped, and the same one published later is not", async () => {
  const { broker, group } = open();
  const { seen, handler } = collect();
  broker.start(handler);
  const undone = () =>
    group.write(() => {
      throw new Error("disk full");
    });
  group.write(() => undefined);
  const published = broker.publish([{ queue: "q", message: task("a") }]);
  expect(undone).toThrow("disk full");
  await Promise.all([published, broker.publish([{ queue: "q", message: task("a") }])]);
  await expect.poll(() => idsOf(seen)).toEqual(["a"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen).toHaveLength(1);
});

test("stop hands out nothing more, and leaves what waited to the next", async () => {
  const first = open({ concurrency: 1 });
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: string[] = [];
  first.broker.start(async ({ message }) => {
    seen.push(idsOf([{ message, deliveryAttempt: 1 }])[0] ?? "");
    await promise;
  });
  await first.broker.publish(["a", "b", "c"].map((id) => ({ queue: "q", message: task(id) })));
  await first.broker.publish([{ queue: "q", message: start }]);
  await expect.poll(() => seen).toEqual(["a"]);
  await first.broker.stop();
  resolve();
  await expect.poll(() => first.broker.active).toBe(0);
  await first.close();
  const second = open({ path: first.path });
  const rest = collect();
  second.broker.start(rest.handler);
  await expect.poll(() => idsOf(rest.seen).sort()).toEqual(["b", "c", "start"]);
  expect(seen).toEqual(["a"]);
});

test("a process that works on one batch leaves the others' messages alone", async () => {
  const { broker } = open();
  const { seen, handler } = collect();
  await broker.publish([
    { queue: "q", message: { kind: "task", batchId: "other", taskId: "x" } },
    { queue: "q", message: task("mine") },
  ]);
  broker.start(handler, { batchId: "b" });
  await expect.poll(() => idsOf(seen)).toEqual(["mine"]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(seen).toHaveLength(1);
});

test("a message published by one process is handled by another on the same file", async () => {
  const one = open();
  const other = open({ path: one.path });
  const { seen, handler } = collect();
  other.broker.start(handler);
  await one.broker.publish([{ queue: "q", message: task("a") }]);
  one.group.flush();
  await expect.poll(() => idsOf(seen)).toEqual(["a"]);
});
