import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "vitest";
import { RecentMap } from "../../src/core/values/recent-map.ts";
import { ActiveSet, Alarm, SharedTimer } from "../../src/runtime/timers.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** Rings once. */
class OneAlarm extends Alarm {
  at: number;
  readonly #callback: () => void;

  constructor(at: number, callback: () => void) {
    super("OneAlarm");
    this.at = at;
    this.#callback = callback;
  }

  protected override onTime(): void {
    this.at = Number.POSITIVE_INFINITY;
    this.#callback();
  }
}

function ringing() {
  const clock = new VirtualClock();
  const timer = new SharedTimer(clock);
  const rung: string[] = [];
  const set = (name: string, delayMs: number) => {
    const alarm = new OneAlarm(clock.monotonicMs() + delayMs, () => rung.push(name));
    timer.add(alarm);
    return alarm;
  };
  return { clock, timer, rung, set };
}

test("each alarm fires at its time, and all of them share one timer", async () => {
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

test("an alarm that was removed does not ring, and leaves its timer to the next ones", async () => {
  const { clock, timer, rung, set } = ringing();
  const first = set("first", 100);
  const second = set("second", 200);
  timer.delete(first);
  timer.delete(first);
  expect(timer.all()).toEqual([second]);
  await clock.advance(150);
  expect(rung).toEqual([]);
  expect(clock.pending).toBe(1);
  timer.delete(second);
  for (let n = 0; n < 3; n++) timer.delete(set("passes", 60));
  expect(clock.pending).toBe(1);
  set("third", 10);
  await clock.advance(10);
  expect(rung).toEqual(["third"]);
  await clock.advance(1_000);
  expect(rung).toEqual(["third"]);
  expect(clock.pending).toBe(0);
});

test("an alarm that is moved fires at its new time", async () => {
  const { clock, timer, rung, set } = ringing();
  const moved = set("moved", 300);
  moved.at = clock.monotonicMs() + 100;
  timer.notice(moved.at);
  await clock.advance(100);
  expect(rung).toEqual(["moved"]);
});

test("the timer does not keep the process alive", () => {
  const background: (boolean | undefined)[] = [];
  const timer = new SharedTimer({
    monotonicMs: () => 0,
    after(_delayMs, _callback, isBackground) {
      background.push(isBackground);
      return () => undefined;
    },
  });
  timer.add(new OneAlarm(10, () => undefined));
  expect(background).toEqual([true]);
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
  const set = (at: number, callback: () => void) => {
    const alarm = new OneAlarm(at, callback);
    timer.add(alarm);
    return alarm;
  };
  return { timer, set, fire, rung: [] as string[] };
}

test("alarms that are due together ring in order, and one may remove another", () => {
  const { timer, set, fire, rung } = late();
  set(20, () => rung.push("second"));
  set(10, () => {
    rung.push("first");
    timer.delete(third);
  });
  const third = set(15, () => rung.push("third"));
  fire(30);
  expect(rung).toEqual(["first", "second"]);
});

test("an alarm that throws does not keep the others from firing", () => {
  const { set, fire, rung } = late();
  set(10, () => {
    throw new Error("the first");
  });
  set(10, () => rung.push("second"));
  expect(() => fire(10)).toThrow("the first");
  fire(10);
  expect(rung).toEqual(["second"]);
});

test("an alarm rings in the async context in which it was created", async () => {
  const { clock, timer } = ringing();
  const place = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const set = () => timer.add(new OneAlarm(10, () => seen.push(place.getStore())));
  for (const name of ["one", "other"]) place.run(name, set);
  set();
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
  expect([set.delete(second), set.has(second), set.has(first), set.all().length]).toEqual([
    true,
    false,
    true,
    2,
  ]);
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
