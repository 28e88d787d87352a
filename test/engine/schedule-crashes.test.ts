import { expect, test } from "vitest";
import type { Write } from "../../src/ports/store.ts";
import { firstTime } from "../support/faults.ts";
import { appAt, creates, daily, due, firstSeen, hourMs, slot, startedBy, tick } from "./schedules-place.ts";

function moves(writes: readonly Write[]): boolean {
  return writes.some(({ kind, key }) => kind === "update" && key.collection === "schedules");
}

test.each([hourMs, -hourMs])(
  "a worker whose clock is wrong by %i ms starts what the store says is due",
  async (wrong) => {
    const clock = { now: firstSeen };
    const app = appAt(clock, {
      workflows: [daily("catch_up")],
      around: (dependencies) => ({
        ...dependencies,
        clock: { ...dependencies.clock, now: () => clock.now + wrong },
      }),
    });
    await tick(app);
    clock.now = slot - 60_000;
    await tick(app);
    expect(await startedBy(app)).toEqual([]);
    clock.now = slot + 1_000;
    await tick(app);
    expect(await startedBy(app)).toHaveLength(1);
  },
);

test("after a crash between the start and the cursor, the slot is started again without effect", async () => {
  const isFirst = firstTime();
  const { clock, app } = await due({ workflows: [daily()] }, (store) => ({
    commit: async (writes) => {
      if (moves(writes) && isFirst()) throw new Error("died");
      return store.commit(writes);
    },
  }));
  await expect(tick(app)).rejects.toThrow("died");
  clock.now += 20_000;
  await tick(app);
  expect(await startedBy(app)).toEqual(["schedule 2026-11-21T05:00:00Z"]);
});

test("after a crash before the start, the slot is not lost, and earlier ones are not started again", async () => {
  let starts = 0;
  const { clock, app } = await due({ workflows: [daily("catch_up")] }, (store) => ({
    commit: async (writes) => {
      if (creates(writes)) starts += 1;
      if (creates(writes) && starts === 2) throw new Error("died");
      return store.commit(writes);
    },
  }));
  clock.now += 48 * hourMs;
  await expect(tick(app)).rejects.toThrow("died");
  expect(await startedBy(app)).toEqual(["schedule 2026-11-21T05:00:00Z"]);
  await tick(app);
  expect(await startedBy(app)).toHaveLength(3);
  expect(starts).toBe(4);
});

test("the cursor stays where it is when the start may have been undone", async () => {
  const isFirst = firstTime();
  let started = false;
  let moved = 0;
  const { app } = await due({ workflows: [daily()] }, (store) => ({
    commit: async (writes) => {
      if (creates(writes)) started = true;
      if (moves(writes)) moved += 1;
      return store.commit(writes);
    },
    sync: async (since) => {
      if (started && isFirst()) throw new Error("the disk is full");
      return store.sync(since);
    },
  }));
  await expect(tick(app)).rejects.toThrow("the disk is full");
  expect(moved).toBe(0);
  await tick(app);
  expect(moved).toBe(1);
});
