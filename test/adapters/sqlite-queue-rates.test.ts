import { expect, test } from "vitest";
import type { Delivery } from "../../src/ports/broker.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { asRow, inMemory, many, nameOf, open } from "./sqlite-queues-place.ts";

/** Writes down when each message was handed out, in milliseconds since now. */
function timing(clock: Clock) {
  const began = clock.now();
  const starts: { readonly name: string; readonly atMs: number; readonly attempt: number }[] = [];
  const handler = async ({ message, deliveryAttempt }: Delivery) => {
    starts.push({ name: nameOf(message), atMs: clock.now() - began, attempt: deliveryAttempt });
  };
  return { starts, times: () => starts.map(({ atMs }) => atMs), handler };
}

test.each([
  { rate: { messages: 10, perSeconds: 1 }, burst: 10 },
  { rate: { messages: 3, perSeconds: 1 }, burst: 3 },
  { rate: { messages: 90, perSeconds: 60 }, burst: 1 },
  { rate: { messages: 30, perSeconds: 60 }, burst: 1 },
  { rate: { messages: 1_000, perSeconds: 3_600 }, burst: 1 },
])(
  "at $rate.messages in $rate.perSeconds s, no time sees more starts than a burst and the rate",
  async ({ rate, burst }) => {
    const clock = new VirtualClock();
    const { broker } = open({ clock, queues: { websites: { concurrency: 1_000, rate } } });
    const { times, handler } = timing(clock);
    broker.start(handler);
    await broker.publish(many(120, inMemory, "websites"));
    const lastsMs = (100 / rate.messages) * rate.perSeconds * 1_000;
    await clock.advance(Math.floor(lastsMs));
    const starts = times();
    // Tokens are due at fractions of a millisecond, and the clock has none: one may still be on its way.
    expect(starts.length).toBeGreaterThanOrEqual(burst + 99);
    for (const [first, from] of starts.entries())
      for (const [more, to] of starts.slice(first).entries())
        expect(more + 1).toBeLessThanOrEqual(
          burst + ((to - from) * rate.messages) / (rate.perSeconds * 1_000),
        );
  },
);

test("a queue that had nothing to do saves up no more than a second's worth", async () => {
  const clock = new VirtualClock();
  const rate = { messages: 10, perSeconds: 1 };
  const { broker } = open({ clock, queues: { websites: { concurrency: 1_000, rate } } });
  const { times, handler } = timing(clock);
  broker.start(handler);
  await broker.publish([inMemory("websites", "first")]);
  await clock.advance(3_600_000);
  await broker.publish(many(12, inMemory, "websites"));
  await clock.advance(150);
  expect(times().slice(1)).toEqual([...Array.from({ length: 10 }, () => 3_600_000), 3_600_100]);
});

test("a clock that is set back holds no token up", async () => {
  const clock = new VirtualClock();
  const rate = { messages: 1, perSeconds: 60 };
  const { broker } = open({ clock, queues: { websites: { concurrency: 5, rate } } });
  const { starts, handler } = timing(clock);
  broker.start(handler);
  await broker.publish(many(3, inMemory, "websites"));
  await clock.advance(1_000);
  clock.set(-3_600_000);
  await clock.advance(120_000);
  expect(starts).toHaveLength(3);
});

test("a slot that becomes free starts nothing before the next token", async () => {
  const clock = new VirtualClock();
  const rate = { messages: 1, perSeconds: 60 };
  const { broker } = open({ clock, queues: { websites: { concurrency: 1, rate } }, pollMs: 50 });
  const { starts, handler } = timing(clock);
  await broker.publish(many(2, asRow, "websites"));
  broker.start(async (delivery) => {
    await handler(delivery);
    if (starts.length === 1) await new Promise<void>((resolve) => void clock.after(90_000, resolve));
  });
  await broker.publish(many(2, inMemory, "websites"));
  await clock.advance(200_000);
  expect(starts.map(({ atMs }) => atMs)).toEqual([0, 90_000, 150_000]);
});

test("rows wait for their tokens in the file, and are not delivered meanwhile", async () => {
  const clock = new VirtualClock();
  const queues = { websites: { concurrency: 10, rate: { messages: 1, perSeconds: 60 } } };
  const { broker, leased } = open({ clock, queues });
  const { starts, handler } = timing(clock);
  await broker.publish(many(6, asRow, "websites"));
  broker.start(handler);
  await broker.publish(many(6, inMemory, "websites"));
  for (let minute = 0; minute < 12; minute++) {
    await clock.advance(30_000);
    expect(leased()).toBe(0);
    await clock.advance(30_000);
  }
  expect(starts.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 12 }, (_, index) => index * 60_000));
  expect(starts.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 12 }, () => 1));
  expect(new Set(starts.map(({ name }) => name)).size).toBe(12);
  // Neither kind waits for the end of the other.
  expect(starts.slice(0, 6).filter(({ name }) => name.includes("row"))).toHaveLength(3);
});

test("a message published by writes that were undone costs no token and no slot", async () => {
  const clock = new VirtualClock();
  const rate = { messages: 1, perSeconds: 3_600 };
  const { broker, group } = open({ clock, queues: { websites: { concurrency: 1, rate } } });
  const { starts, handler } = timing(clock);
  broker.start(handler);
  group.write(() => undefined);
  const undone = broker.publish([inMemory("websites", "undone")]);
  const fail = () =>
    group.write(() => {
      throw new Error("disk full");
    });
  expect(fail).toThrow("disk full");
  await Promise.all([undone, broker.publish([inMemory("websites", "kept")])]);
  await clock.advance(0);
  expect(starts.map(({ name }) => name)).toEqual(["websites-kept"]);
});

test("stop waits for no token, and leaves what waited for one to the next", async () => {
  const clock = new VirtualClock();
  const queues = { websites: { concurrency: 10, rate: { messages: 1, perSeconds: 3_600 } } };
  const first = open({ clock, queues });
  const { starts, handler } = timing(clock);
  await first.broker.publish(many(2, asRow, "websites"));
  first.broker.start(handler);
  await first.broker.publish(many(2, inMemory, "websites"));
  await clock.advance(1_000);
  await first.broker.stop();
  expect(clock.pending).toBe(0);
  expect(starts).toHaveLength(1);
  const second = open({ clock, queues: {}, path: first.path });
  second.broker.start(handler);
  await clock.advance(0);
  expect(new Set(starts.map(({ name }) => name)).size).toBe(4);
});
