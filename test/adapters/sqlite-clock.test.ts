import { expect, test } from "vitest";
import { CONTROL_QUEUE } from "../../src/core/messages.ts";
import { Scheduled, schedule, workflow } from "../../src/index.ts";
import { temporaryFolder } from "../support/app.ts";
import { timedApp } from "../support/timed-app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const tenYearsMs = 3_650 * 24 * 3_600_000;

function clockAhead(byMs = tenYearsMs): VirtualClock {
  const clock = new VirtualClock();
  clock.set(byMs);
  return clock;
}

const flows = [
  workflow("retried").task(
    "flaky",
    ({ attempt }) => {
      if (attempt < 2) throw new Error("not yet");
      return attempt;
    },
    { retry: { maxAttempts: 2, initial: "5m" } },
  ),
  workflow("sleeps").task("nap", async ({ step }) => {
    await step.sleep("nap", "10m");
    return "rested";
  }),
  workflow("waits").task("wait", ({ step }) => step.waitForEvent("never", { timeout: "15m" }), {
    retry: false,
  }),
];

/** Each has started to wait. */
async function allWait({ app, start, until }: ReturnType<typeof timedApp>): Promise<readonly string[]> {
  app.work.start();
  const batchIds = await Promise.all(flows.map(({ id }) => start(id)));
  await until(async () => {
    const views = await Promise.all(batchIds.map((batchId) => app.engine.admin.show(batchId)));
    return views.every(({ tasks }) => tasks[0]?.status === "WAITING");
  }, 60);
  return batchIds;
}

async function expectToEnd(
  { ended }: ReturnType<typeof timedApp>,
  batchIds: readonly string[],
): Promise<void> {
  const [retried = "", sleeps = "", waits = ""] = batchIds;
  expect((await ended(retried, 600)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2 });
  expect((await ended(sleeps, 900)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "rested" });
  expect((await ended(waits, 1_200)).tasks[0]).toMatchObject({ error: { code: "EVENT_TIMEOUT" } });
}

test("waits that a clock ahead has started end in time once it is corrected, without a restart", async () => {
  const timed = timedApp({ clock: clockAhead(), workflows: flows });
  const batchIds = await allWait(timed);
  timed.clock.set(-tenYearsMs);
  await expectToEnd(timed, batchIds);
});

test("and in the next process", async () => {
  const data = temporaryFolder();
  const ahead = timedApp({ data, clock: clockAhead(), workflows: flows });
  const batchIds = await allWait(ahead);
  await ahead.app.close();
  const right = timedApp({ data, workflows: flows });
  right.app.work.start();
  await expectToEnd(right, batchIds);
});

test("a message that a fast clock has delayed is delivered on time, although no record refers to it", async () => {
  const timed = timedApp({ clock: clockAhead(), workflows: [workflow("one").task("a", () => 1)] });
  const { app, clock, until } = timed;
  app.work.start();
  const message = { kind: "start", workflowId: "one", key: "later" } as const;
  await app.broker.schedule({ queue: CONTROL_QUEUE, message }, 300_000);
  await clock.advance(60_000);
  clock.set(-tenYearsMs);
  await clock.advance(230_000);
  expect(await app.engine.admin.list({})).toEqual([]);
  await until(async () => (await app.engine.admin.list({})).length === 1, 60);
});

test("a lease of a process that died while the clock was ahead ends", async () => {
  const data = temporaryFolder();
  let runs = 0;
  const flow = workflow("flow").task(
    "hangs",
    () => {
      runs += 1;
      return runs === 1 ? new Promise<number>(() => undefined) : runs;
    },
    { timeout: "50m" },
  );
  const environment = { BATON_LEASE: "5m" };
  const ahead = timedApp({ data, clock: clockAhead(), workflows: [flow], environment });
  ahead.app.work.start();
  const batchId = await ahead.start("flow");
  await expect.poll(() => runs).toBe(1);
  // It is left as it is, as by a process that died.
  const right = timedApp({ data, workflows: [flow], environment });
  right.app.work.start();
  expect((await right.ended(batchId, 900)).tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 2 });
});

test("a schedule continues from the time that the clock is set to, and starts no slot twice", async () => {
  const started: string[] = [];
  const minutely = workflow("minutely", { input: Scheduled, on: [schedule("* * * * *")] }).task(
    "tick",
    ({ input }) => void started.push(input.scheduledAt),
  );
  const timed = timedApp({ clock: clockAhead(), workflows: [minutely] });
  const { app, clock } = timed;
  app.work.start();
  await clock.advance(150_000);
  const wrong = started.length;
  expect(wrong).toBeGreaterThanOrEqual(2);
  clock.set(-tenYearsMs);
  await clock.advance(150_000);
  const right = started.slice(wrong);
  expect(right.length).toBeGreaterThanOrEqual(2);
  expect(right.every((slot) => slot < "2030")).toBe(true);
  // A correction of ten minutes: what has been started stays the only batch of its slot.
  clock.set(-600_000);
  await clock.advance(1_200_000);
  expect(new Set(started).size).toBe(started.length);
});
