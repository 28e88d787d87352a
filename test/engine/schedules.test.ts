import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { deriveBatchId } from "../../src/core/batch.ts";
import { ScheduleCursorSchema } from "../../src/core/records.ts";
import { deriveScheduleId, slotKey, slotsBetween } from "../../src/core/schedule/schedule.ts";
import { type Scheduled, schedule, workflow } from "../../src/index.ts";
import type { DocumentKey, DocumentStore } from "../../src/ports/store.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";
import {
  appAt,
  at,
  atSix,
  creates,
  daily,
  due,
  firstSeen,
  hourMs,
  slot,
  startedBy,
  tick,
} from "./schedules-place.ts";
import { everyMinute } from "./schedules-workflow.ts";

const child = fileURLToPath(new URL("schedules-child.ts", import.meta.url));

test("the batch of a slot that its schedule has started is not started again by hand", async () => {
  const workflow = daily();
  const { app } = await due({ workflows: [workflow] });
  await tick(app);
  const schedule = { ...atSix, missed: "skip" } as const;
  const again = await app.engine.startBySlot(workflow, schedule, slot);
  expect(again).toEqual({ batchId: deriveBatchId("daily", slotKey(schedule, slot)), created: false });
  expect(await startedBy(app)).toEqual(["schedule 2026-11-21T05:00:00Z"]);
});

test("a schedule begins when it is first seen; each slot starts one batch, whose input has the slot", async () => {
  const clock = { now: firstSeen };
  const app = appAt(clock, { workflows: [daily("catch_up")] });
  await tick(app);
  clock.now = slot - 1;
  await tick(app);
  expect(await startedBy(app)).toEqual([]);
  clock.now = slot;
  await tick(app);
  await tick(app);
  clock.now += 10_000;
  await tick(app);
  expect(await startedBy(app)).toEqual(["schedule 2026-11-21T05:00:00Z"]);
  const batchId = deriveBatchId("daily", slotKey(atSix, slot));
  expect(await app.engine.admin.show(batchId)).toMatchObject({
    input: { scheduledAt: "2026-11-21T05:00:00Z", date: "2026-11-21" },
  });
  app.work.start();
  expect((await untilEnded(app, batchId)).status).toBe("SUCCESS");
});

test("two apps on one folder that read the same cursor start each slot once", async () => {
  const data = temporaryFolder();
  const { clock, app: one } = await due({ data, workflows: [daily("catch_up")] });
  clock.now += 48 * hourMs;
  const { promise: oneIsDone, resolve } = Promise.withResolvers<void>();
  const { promise: otherHasRead, resolve: hasRead } = Promise.withResolvers<void>();
  const other = appAt(clock, { data, workflows: [daily("catch_up")] }, (store) => ({
    get: async (key) => {
      const snapshot = await store.get(key);
      if (key.collection !== "schedules") return snapshot;
      hasRead();
      await oneIsDone;
      return { ...snapshot, readTime: clock.now };
    },
  }));
  const ticking = tick(other);
  await otherHasRead;
  await tick(one);
  resolve();
  await ticking;
  const slots = [21, 22, 23].map((day) => `schedule 2026-11-${day}T05:00:00Z`);
  expect(await startedBy(one)).toEqual(slots);
  clock.now += 24 * hourMs;
  await tick(one);
  expect(await startedBy(other)).toEqual([...slots, "schedule 2026-11-24T05:00:00Z"]);
});

test("processes that tick at the same moment start every slot once, and leave none out", async () => {
  const data = temporaryFolder();
  const minutes = { cron: "* * * * *", timeZone: "UTC" };
  const key: DocumentKey = { collection: "schedules", id: deriveScheduleId("every-minute", minutes) };
  const stores: DocumentStore[] = [];
  const app = testApp({
    data,
    workflows: [everyMinute],
    around: (dependencies) => {
      stores.push(dependencies.store);
      return dependencies;
    },
  });
  await app.engine.tick();
  const [store] = stores;
  if (!store) throw new Error("no store");
  const { document } = await store.get(key);
  const cursor = ScheduleCursorSchema.parse(document?.data);
  const begin = cursor.lastSlot - 150 * 60_000;
  const longAgo = { ...cursor, lastSlot: begin };
  await store.commit([{ kind: "update", key, version: document?.version ?? "", data: longAgo }]);
  await store.sync(store.mark());
  const children = [1, 2, 3].map(() =>
    endedWithTest(() =>
      spawn(process.execPath, [child], {
        env: { ...process.env, BATON_DATA: data, BATON_DURABILITY: "normal" },
        stdio: ["pipe", "pipe", "inherit"],
      }),
    ),
  );
  const ends = children.map((process_) => once(process_, "close"));
  await Promise.all(children.map((process_) => once(process_.stdout, "data")));
  for (const process_ of children) process_.stdin.end("go");
  expect((await Promise.all(ends)).map(([code]) => code)).toEqual([0, 0, 0]);
  const { lastSlot } = ScheduleCursorSchema.parse((await store.get(key)).document?.data);
  const slots = slotsBetween(minutes, begin, lastSlot, 1_000);
  expect(slots.length).toBeGreaterThanOrEqual(150);
  const ids = slots.map((one) => deriveBatchId("every-minute", slotKey(minutes, one)));
  const found = (await app.engine.admin.list({ workflowId: "every-minute" })).map(({ batchId }) => batchId);
  expect(found.sort()).toEqual(ids.sort());
});

test("after three days without a tick, catch_up starts each slot, and skip only the current one", async () => {
  const clock = { now: firstSeen };
  const app = appAt(clock, { workflows: [daily("catch_up"), daily("skip", "skipping")] });
  await tick(app);
  clock.now = at("2026-11-23T12:00:00Z");
  await tick(app);
  await tick(app);
  expect(await startedBy(app)).toEqual([21, 22, 23].map((day) => `schedule 2026-11-${day}T05:00:00Z`));
  expect(await startedBy(app, "skipping")).toEqual([]);
  clock.now = at("2026-11-24T05:01:30Z");
  await tick(app);
  expect(await startedBy(app, "skipping")).toEqual(["schedule 2026-11-24T05:00:00Z"]);
});

test("a slot that the workflow refuses is a dead letter, seen once; its replay starts that very batch", async () => {
  let isMended = false;
  const input = z.custom<Scheduled>(() => isMended, "not like this");
  const refusing = workflow("refusing", { input, on: [schedule("0 5 * * *")] }).task("a", () => 1);
  const { clock, app } = await due({ workflows: [refusing, daily()] });
  await tick(app);
  expect(await startedBy(app)).toHaveLength(1);
  clock.now += 10_000;
  await tick(app);
  const { letters } = await app.engine.deadLetters.list();
  expect(letters).toMatchObject([{ code: "INPUT_INVALID", source: "schedule" }]);
  expect(letters[0]?.message).toContain("not like this");
  isMended = true;
  const message = await app.deliveries.parseDeadLetter(letters[0]?.deadLetterId ?? "");
  const batchId = deriveBatchId("refusing", slotKey({ cron: "0 5 * * *", timeZone: "UTC" }, slot));
  expect(await app.deliveries.deliver({ message, deliveryAttempt: 1 })).toEqual({ outcome: "done", batchId });
  expect(await app.engine.admin.show(batchId)).toMatchObject({ input: { date: "2026-11-21" } });
});

test("a schedule that fails does not keep another from starting", async () => {
  const isBroken = (key: DocumentKey | undefined) => key?.id.startsWith("broken-");
  const { app } = await due({ workflows: [daily("skip", "broken"), daily()] }, (store) => ({
    commit: async (writes) => {
      if (creates(writes) && isBroken(writes[0]?.key)) throw new Error("UNAVAILABLE");
      return store.commit(writes);
    },
  }));
  await expect(tick(app)).rejects.toThrow("UNAVAILABLE");
  expect(await startedBy(app)).toHaveLength(1);
});

test("a process that works ticks at once and from then on; one that works on one batch does not", async () => {
  const other = workflow("other").task("a", () => 1);
  const { clock, app: scoped } = await due({ workflows: [daily("catch_up"), other] });
  const { batchId } = await scoped.engine.start({ kind: "start", workflowId: "other" });
  scoped.work.start({ batchId });
  await untilEnded(scoped, batchId);
  expect(await startedBy(scoped)).toEqual([]);
  const { data } = scoped.configuration;
  await scoped.close();
  const app = appAt(clock, { data, workflows: [daily("catch_up")] });
  app.work.start();
  await expect.poll(() => startedBy(app)).toHaveLength(1);
  clock.now += 24 * hourMs;
  await expect.poll(() => startedBy(app)).toHaveLength(2);
});
