import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { systemClock } from "../../src/adapters/system/system.ts";
import { CONTROL_QUEUE, type Message } from "../../src/core/messages.ts";
import type { QueueSettings } from "../../src/core/queues.ts";
import { workflow } from "../../src/index.ts";
import type { Delivery } from "../../src/ports/broker.ts";
import { runToEnd, temporaryFolder, testApp } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { asRow, inMemory, many, nameOf, open } from "./sqlite-queues-place.ts";

const queueOf = (message: Message) => nameOf(message).split("-")[0] ?? "";

/** Counts what runs in each queue, and the most that ever ran at once. */
function counting(handle: (delivery: Delivery) => Promise<void>) {
  const running = new Map<string, number>();
  const most: Record<string, number> = {};
  const ended: string[] = [];
  const handler = async (delivery: Delivery) => {
    const queue = queueOf(delivery.message);
    const now = (running.get(queue) ?? 0) + 1;
    running.set(queue, now);
    most[queue] = Math.max(most[queue] ?? 0, now);
    try {
      await handle(delivery);
    } finally {
      running.set(queue, (running.get(queue) ?? 0) - 1);
    }
    ended.push(nameOf(delivery.message));
  };
  return { most, ended, handler };
}

const never = new Promise<void>(() => undefined);

test("a queue never runs more than its concurrency at once; one that is not named, what the others may", async () => {
  const clock = new VirtualClock();
  const queues = { documents: { concurrency: 2 }, websites: { concurrency: 3 } };
  const { broker } = open({ clock, queues, pollMs: 50 });
  const { most, ended, handler } = counting(async ({ message, deliveryAttempt }) => {
    await new Promise<void>((resolve) => void clock.after(1 + (nameOf(message).length % 7), resolve));
    if (nameOf(message).endsWith("3") && deliveryAttempt === 1) throw new Error("not now");
  });
  const names = ["documents", "websites", "other"];
  await broker.publish(names.flatMap((queue) => many(9, asRow, queue)));
  broker.start(handler);
  await broker.publish(names.flatMap((queue) => many(9, inMemory, queue)));
  await clock.advance(5_000);
  expect(most).toEqual({ documents: 2, websites: 3, other: 5 });
  expect(new Set(ended).size).toBe(3 * 18);
  expect(ended).toHaveLength(3 * 18);
});

test("a handler that rejects or throws releases its slot", async () => {
  const clock = new VirtualClock();
  const { broker } = open({ clock, queues: { documents: { concurrency: 2 } }, pollMs: 50 });
  const { most, ended, handler } = counting(async () => {
    await new Promise<void>((resolve) => void clock.after(10, resolve));
  });
  await broker.publish(many(4, asRow, "documents"));
  broker.start((delivery) => {
    const odd = /[13]$/.test(nameOf(delivery.message));
    if (delivery.deliveryAttempt <= 2 && odd) throw new Error("thrown");
    return delivery.deliveryAttempt <= 2 ? Promise.reject(new Error("rejected")) : handler(delivery);
  });
  await broker.publish(many(4, inMemory, "documents"));
  await clock.advance(10_000);
  expect(ended).toHaveLength(8);
  expect(most).toEqual({ documents: 2 });
  expect(broker.active).toBe(0);
});

test("a queue that is full, or waits for a token, holds up no other", async () => {
  const clock = new VirtualClock();
  const queues = {
    full: { concurrency: 1 },
    slow: { concurrency: 5, rate: { messages: 1, perSeconds: 3_600 } },
    free: { concurrency: 2 },
  };
  const { broker } = open({ clock, queues });
  const { ended, most, handler } = counting(({ message }) =>
    queueOf(message) === "full" ? never : Promise.resolve(),
  );
  await broker.publish(["full", "slow", "free"].flatMap((queue) => many(9, asRow, queue)));
  broker.start(handler);
  await broker.publish(["full", "slow", "free"].flatMap((queue) => many(9, inMemory, queue)));
  await clock.advance(0);
  expect(ended.filter((name) => name.startsWith("free"))).toHaveLength(18);
  expect(ended.filter((name) => name.startsWith("slow"))).toHaveLength(1);
  expect(most).toEqual({ full: 1, slow: 1, free: 2 });
});

test("messages between Baton's own parts have no rate, and more slots than tasks have", async () => {
  const clock = new VirtualClock();
  const one: QueueSettings = { concurrency: 1, rate: { messages: 1, perSeconds: 3_600 } };
  const { broker } = open({ clock, concurrency: 1, queues: { default: one, [CONTROL_QUEUE]: one } });
  const { most, handler } = counting(() => never);
  broker.start(handler);
  await broker.publish(many(100, inMemory, CONTROL_QUEUE));
  await clock.advance(0);
  expect(most).toEqual({ [CONTROL_QUEUE]: 100 });
});

test("rows wait for a free slot in the file, where another process may take them", async () => {
  const clock = new VirtualClock();
  const queues = { documents: { concurrency: 2 } };
  const first = open({ clock, queues });
  await first.broker.publish(many(6, asRow, "documents"));
  const { promise: firstTwo, resolve: endFirstTwo } = Promise.withResolvers<void>();
  const { most, ended, handler } = counting(() => (ended.length === 0 ? firstTwo : never));
  first.broker.start(handler);
  await clock.advance(0);
  expect(first.leased()).toBe(2);
  // Both slots become free before either is filled.
  endFirstTwo();
  await clock.advance(0);
  expect(first.leased()).toBe(2);
  expect(most).toEqual({ documents: 2 });
  const second = open({ clock, queues, path: first.path });
  const other = counting(() => Promise.resolve());
  second.broker.start(other.handler);
  await clock.advance(0);
  expect(other.ended).toHaveLength(2);
});

test("slots and tokens of a killed process are free for the next, and its messages are redelivered", async () => {
  const path = `${temporaryFolder()}/baton.sqlite`;
  const queues = { documents: { concurrency: 2 } };
  const { broker, group } = open({ clock: systemClock, queues, path, pollMs: 5 });
  await broker.publish(many(5, asRow, "documents"));
  group.flush();
  await killOnceBusy(path, 2);
  const { promise: bothBusy, resolve } = Promise.withResolvers<void>();
  const attempts: number[] = [];
  const { most, ended, handler } = counting(async ({ deliveryAttempt }) => {
    attempts.push(deliveryAttempt);
    if (broker.active === 2) resolve();
    await bothBusy;
  });
  broker.start(handler);
  await expect.poll(() => ended.length).toBe(5);
  expect(new Set(ended).size).toBe(5);
  expect(most).toEqual({ documents: 2 });
  expect(attempts.sort()).toEqual([1, 1, 1, 2, 2]);
});

/** Lets a process take messages until its slots are full, and kills it. */
async function killOnceBusy(path: string, slots: number): Promise<void> {
  const file = fileURLToPath(new URL("sqlite-queues-child.ts", import.meta.url));
  const child = endedWithTest(() =>
    spawn(process.execPath, [file, path], { stdio: ["ignore", "pipe", "inherit"] }),
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  child.on("close", () => resolve());
  let lines = "";
  child.stdout.on("data", (chunk) => {
    lines += String(chunk);
    if (lines.split("\n").length > slots) child.kill("SIGKILL");
  });
  await promise;
  expect(lines).toBe("1\n".repeat(slots));
}

test("an app gives its queues what BATON_QUEUES says", async () => {
  const { most, handler } = counting(async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
  });
  const starts: string[] = [];
  const run = async ({ taskId }: { readonly taskId: string }) => {
    starts.push(taskId);
    await handler({ message: { kind: "task", batchId: "b", taskId }, deliveryAttempt: 1 });
    return null;
  };
  const app = testApp({
    workflows: [
      ["a", "b", "c", "d"]
        .reduce((flow, id) => flow.task(`documents-${id}`, run, { queue: "documents" }), workflow("limited"))
        .task("default-a", run),
      workflow("throttled")
        .task("websites-a", run, { queue: "websites" })
        .task("websites-b", run, { queue: "websites" }),
    ],
    environment: { BATON_QUEUES: "documents=2,websites=5@1/h" },
  });
  await app.engine.start({ kind: "start", workflowId: "throttled" });
  const view = await runToEnd(app, "limited");
  expect(view.status).toBe("SUCCESS");
  expect(most).toMatchObject({ documents: 2, default: 1 });
  await expect.poll(() => starts.filter((id) => id.startsWith("websites"))).toHaveLength(1);
});

/** A message that is handed out a second time, while the first handler is still at it; each ends as the test says. */
async function handedOutTwice() {
  const clock = new VirtualClock();
  const { broker, leased } = open({ clock, queues: {}, pollMs: 1_000 });
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const attempts: number[] = [];
  broker.start(async ({ deliveryAttempt }) => {
    attempts.push(deliveryAttempt);
    if (deliveryAttempt === 1) await first.promise;
    if (deliveryAttempt === 2) await second.promise;
  });
  await broker.publish([asRow("q", "0")]);
  await clock.advance(61_000);
  expect(attempts).toEqual([1, 2]);
  return { clock, leased, first, second, attempts };
}

test("a handler that ends after its message was handed out again does not take it away from the other", async () => {
  const { clock, leased, first, second, attempts } = await handedOutTwice();
  first.resolve();
  await clock.advance(1_000);
  expect(leased()).toBe(1);
  second.reject(new Error("not now"));
  await clock.advance(10_000);
  expect(attempts).toEqual([1, 2, 3]);
  expect(leased()).toBe(0);
});

test("a handler that fails after its message was handed out again does not have it handed out once more", async () => {
  const { clock, leased, first, second, attempts } = await handedOutTwice();
  first.reject(new Error("not now"));
  await clock.advance(30_000);
  expect(attempts).toEqual([1, 2]);
  expect(leased()).toBe(1);
  second.resolve();
  await clock.advance(600_000);
  expect(attempts).toEqual([1, 2]);
});
