import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { RecentMap } from "../../src/engine/records/definitions.ts";
import { ActiveSet, SharedTimer } from "../../src/runtime/timers.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

function ringing() {
  const clock = new VirtualClock();
  const timer = new SharedTimer(clock);
  const rung: string[] = [];
  const set = (name: string, delayMs: number) => timer.after(delayMs, () => rung.push(name));
  return { clock, timer, rung, set };
}

test("each alarm rings at its time, and all of them share one timer", async () => {
  const { clock, rung, set } = ringing();
  set("late", 300);
  set("early", 100);
  set("middle", 200);
  await clock.advance(99);
  expect(rung).toEqual([]);
  await clock.advance(1);
  expect(rung).toEqual(["early"]);
  expect(clock.pending).toBe(1);
  await clock.advance(100);
  expect(rung).toEqual(["early", "middle"]);
  await clock.advance(100);
  expect(rung).toEqual(["early", "middle", "late"]);
  expect(clock.pending).toBe(0);
});

test("a cancelled alarm does not ring, and the last one takes the timer with it", async () => {
  const { clock, rung, set } = ringing();
  const cancelFirst = set("first", 100);
  const cancelSecond = set("second", 200);
  cancelFirst();
  cancelFirst();
  await clock.advance(150);
  expect(rung).toEqual([]);
  expect(clock.pending).toBe(1);
  cancelSecond();
  expect(clock.pending).toBe(0);
  set("third", 10);
  await clock.advance(10);
  expect(rung).toEqual(["third"]);
});

/** A timer whose clock stands still until it is set, so that several alarms are due at once. */
function late() {
  const fires: (() => void)[] = [];
  let now = 0;
  const timer = new SharedTimer({
    monotonicMs: () => now,
    after(_delayMs, callback) {
      fires.push(callback);
      return () => undefined;
    },
  });
  const fire = (at: number) => {
    now = at;
    fires.pop()?.();
  };
  return { timer, fire, rung: [] as string[] };
}

test("alarms that are due together ring in order, and one may cancel another", () => {
  const { timer, fire, rung } = late();
  timer.after(20, () => rung.push("second"));
  let cancelThird = () => {};
  timer.after(10, () => {
    rung.push("first");
    cancelThird();
  });
  cancelThird = timer.after(15, () => rung.push("third"));
  fire(30);
  expect(rung).toEqual(["first", "second"]);
});

test("an alarm that throws does not keep the others from ringing", () => {
  const { timer, fire, rung } = late();
  timer.after(10, () => {
    throw new Error("the first");
  });
  timer.after(10, () => rung.push("second"));
  expect(() => fire(10)).toThrow("the first");
  fire(10);
  expect(rung).toEqual(["second"]);
});

test("an alarm rings in the async context in which it was set", async () => {
  const { clock, timer } = ringing();
  const place = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  for (const name of ["one", "other"])
    place.run(name, () => timer.after(10, () => seen.push(place.getStore())));
  timer.after(10, () => seen.push(place.getStore()));
  await clock.advance(10);
  expect(seen).toEqual(["one", "other", undefined]);
});

test("the members of a set are those that were added and not deleted", () => {
  const members = ["a", "b", "c", "d"].map((name) => ({ name, position: -1 }));
  const set = new ActiveSet<(typeof members)[number]>();
  for (const member of members) set.add(member);
  const [first, second, , last] = members;
  if (!first || !second || !last) throw new Error("there are four members");
  expect([set.delete(first), set.delete(last), set.delete(first)]).toEqual([true, true, false]);
  expect(
    set
      .all()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["b", "c"]);
  set.add(first);
  expect([set.delete(second), set.size]).toEqual([true, 2]);
});

test("a map of recent entries keeps those that are used, and not more than its limit", () => {
  const map = new RecentMap<number, string>(10);
  map.set(0, "used again and again");
  for (let key = 1; key <= 100; key++) {
    map.set(key, String(key));
    expect(map.get(0)).toBe("used again and again");
  }
  const kept = Array.from({ length: 101 }, (_, key) => key).filter((key) => map.get(key) !== undefined);
  expect(kept.length).toBeLessThanOrEqual(10);
  expect(kept).toEqual(expect.arrayContaining([0, 98, 99, 100]));
  map.delete(0);
  expect(map.get(0)).toBeUndefined();
});
