import { expect, test } from "vitest";
import { publishLimits } from "../../src/adapters/pubsub/publisher.ts";
import { CONTROL_QUEUE, type Message } from "../../src/core/messages.ts";
import type { Broker, OutgoingMessage, Timer } from "../../src/ports/broker.ts";

export interface BrokerUnderTest {
  readonly broker: Broker;
  readonly timer: Timer;
  /** Every delivery, in the order of their coming, with its time in milliseconds since 1970. */
  readonly deliveries: readonly { readonly message: Message; readonly at: number }[];
  /** Refuses the next `times` deliveries of the message. */
  refuse(times: number): void;
}

const start = (key: string, input: Message | string = key): OutgoingMessage => ({
  queue: CONTROL_QUEUE,
  message: { kind: "start", workflowId: "flow", key, input: JSON.parse(JSON.stringify(input)) },
});

const run = (taskId: string, queue = "default"): OutgoingMessage => ({
  queue,
  message: { kind: "task", batchId: "b-1", taskId, ready: true },
});

/** What every broker, with its timer, must do: the engine loses work without it. */
export function describeBroker(open: () => Promise<BrokerUnderTest>): void {
  const keysOf = ({ deliveries }: BrokerUnderTest) =>
    deliveries.flatMap(({ message }) => (message.kind === "start" ? [message.key ?? ""] : []));

  test("delivers published messages of every queue unchanged", async () => {
    const under = await open();
    const ending = { status: "SKIPPED", reason: "upstream_failed" } as const;
    const messages: OutgoingMessage[] = [
      start("with text", "\u0000 \ud83d\ude00 line\nline"),
      run("one"),
      run("two", "documents"),
      { queue: "$callbacks", message: { kind: "callback", callbackId: "evt_1" } },
      {
        queue: CONTROL_QUEUE,
        message: { kind: "task", batchId: "b-1", taskId: "t", previousTaskId: "t", ending },
      },
    ];
    await under.broker.publish(messages);
    await expect.poll(() => under.deliveries.length).toBeGreaterThanOrEqual(messages.length);
    for (const { message } of messages)
      expect(under.deliveries.map((delivery) => delivery.message)).toContainEqual(message);
  });

  test("more than one request may carry: each of very many is delivered", async () => {
    const under = await open();
    const count = 2 * publishLimits.messagesPerPublish + 1;
    await under.broker.publish(Array.from({ length: count }, (_, index) => start(`k${index}`)));
    await expect.poll(() => new Set(keysOf(under)).size).toBe(count);
  });

  test("large ones are delivered too, several of which are too much for one request", async () => {
    const under = await open();
    const large = "x".repeat(4_000_000);
    await under.broker.publish(["a", "b", "c"].map((key) => start(key, large)));
    await expect.poll(() => new Set(keysOf(under)).size).toBe(3);
  });

  test("a refused message is delivered again", async () => {
    const under = await open();
    under.refuse(2);
    await under.broker.publish([start("stubborn")]);
    await expect.poll(() => keysOf(under).length).toBeGreaterThanOrEqual(3);
  });

  test("a scheduled message is delivered at its time, not earlier", async () => {
    const under = await open();
    const delayMs = 1_500;
    const before = Date.now();
    await under.timer.schedule(start("later"), delayMs);
    await under.broker.publish([start("now")]);
    await expect.poll(() => keysOf(under).sort()).toEqual(["later", "now"]);
    const later = under.deliveries.find(({ message }) => message.kind === "start" && message.key === "later");
    expect(later?.at).toBeGreaterThanOrEqual(before + delayMs);
  });

  test("without a delay it is delivered at once", async () => {
    const under = await open();
    await under.timer.schedule(start("at once"), 0);
    await expect.poll(() => keysOf(under)).toContain("at once");
  });

  test("a delivered message can be scheduled again any number of times", async () => {
    const under = await open();
    for (let round = 1; round <= 3; round += 1) {
      await under.timer.schedule(run("again"), 300);
      await expect.poll(() => under.deliveries.length).toBeGreaterThanOrEqual(round);
    }
  });

  test("a delay beyond any horizon is no mistake", async () => {
    const under = await open();
    await under.timer.schedule(start("in years"), 3 * 366 * 24 * 3_600_000);
    await under.broker.publish([start("now")]);
    await expect.poll(() => keysOf(under)).toEqual(["now"]);
  });
}
