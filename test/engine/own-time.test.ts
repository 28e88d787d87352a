import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { workflow } from "../../src/index.ts";
import { taskTime, withRun } from "../../src/runtime/current-run.ts";
import { Alarm, SharedTimer, TaskTimer } from "../../src/runtime/timers.ts";
import { makeBigQuery } from "../adapters/bigquery-harness.ts";
import { temporaryFolder } from "../support/app.ts";
import { endedWithTest } from "../support/child-process.ts";
import { timedApp } from "../support/timed-app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** Rings at the end of each slice of a task's time, as a run does. */
class TimedTask extends Alarm {
  readonly time: TaskTimer;
  isOver = false;
  readonly #onOver: () => void;

  constructor(timer: SharedTimer, ms: number, onOver = () => {}) {
    super("TimedTask");
    this.time = new TaskTimer(timer, ms);
    this.#onOver = onOver;
    timer.add(this);
  }

  get at(): number {
    return this.time.sliceEndsAt;
  }

  protected override onTime(now: number): void {
    if (this.time.endSlice(now)) return;
    this.isOver = true;
    this.#onOver();
  }
}

function timed(ms: number) {
  const clock = new VirtualClock();
  const task = new TimedTask(new SharedTimer(clock), ms);
  return { clock, time: task.time, isOver: () => task.isOver };
}

test("time is counted until it is over, and then is not counted any more", async () => {
  const { clock, isOver } = timed(1_000);
  await clock.advance(999);
  expect(isOver()).toBe(false);
  await clock.advance(1);
  expect(isOver()).toBe(true);
  expect(clock.pending).toBe(0);
});

test("the wait for a turn is not counted; the time before and the turn itself are", async () => {
  const { clock, time, isOver } = timed(1_000);
  await clock.advance(310);
  const turn = time.requestTurn();
  await clock.advance(3_600_000);
  turn.begin();
  await clock.advance(300);
  turn.end();
  await clock.advance(389);
  expect(isOver()).toBe(false);
  await clock.advance(1);
  expect(isOver()).toBe(true);
});

test("a wait that is given up counts no longer, however often it is said", async () => {
  const { clock, time, isOver } = timed(1_000);
  const turn = time.requestTurn();
  turn.end();
  turn.end();
  await clock.advance(1_000);
  expect(isOver()).toBe(true);
});

test("a task that has one turn and waits for another is at work", async () => {
  const { clock, time, isOver } = timed(1_000);
  const one = time.requestTurn();
  const other = time.requestTurn();
  one.begin();
  await clock.advance(999);
  one.end();
  await clock.advance(3_600_000);
  expect(isOver()).toBe(false);
  other.begin();
  await clock.advance(1);
  expect(isOver()).toBe(true);
});

test("what kept the whole process from doing anything counts as a part of the time at most", () => {
  // A process that stands still finds all of its timers due at once, late.
  const due: (() => void)[] = [];
  let now = 0;
  const clock = {
    now: () => now,
    monotonicMs: () => now,
    after(_ms: number, callback: () => void) {
      due.push(callback);
      return () => undefined;
    },
  };
  const task = new TimedTask(new SharedTimer(clock), 1_000);
  const stand = () => {
    now += 60_000;
    due.shift()?.();
  };
  for (let part = 1; part < 20; part++) stand();
  expect(task.isOver).toBe(false);
  stand();
  expect(task.isOver).toBe(true);
});

test("each of two tasks that use the warehouse has its own turn, and its own time", async () => {
  const clock = new VirtualClock();
  const file = new DatabaseFile(`${temporaryFolder()}/w.duckdb`, { time: taskTime });
  onTestFinished(() => file.close());
  const never = new AbortController().signal;
  const over: string[] = [];
  const timer = new SharedTimer(clock);
  const inRun = (name: string, work: () => Promise<void>) => {
    const { time } = new TimedTask(timer, 1_000, () => over.push(name));
    const run = {
      labels: {},
      requestTurn: () => time.requestTurn(),
      onException: () => false,
      onRejection: () => false,
      onHandled() {},
    };
    return withRun(run, () => file.use(never, work));
  };
  const holds = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const first = inRun("first", async () => {
    began.resolve();
    await holds.promise;
  });
  await began.promise;
  const second = inRun("second", () => clock.advance(999));
  await clock.advance(60_000);
  expect(over).toEqual(["first"]);
  holds.resolve();
  await Promise.all([first, second]);
  expect(over).toEqual(["first"]);
});

test("a query that BigQuery has not started waits for others: that is not the task's time", async () => {
  const { clock, time, isOver } = timed(1_000);
  const { warehouse, server } = await makeBigQuery({ time });
  server.holdJobs();
  const controller = new AbortController();
  onTestFinished(() => controller.abort());
  const rows = warehouse.rows("SELECT 1 AS one", {}, 1, controller.signal);
  await expect.poll(() => time.sliceEndsAt).toBe(Number.POSITIVE_INFINITY);
  await clock.advance(3_600_000);
  expect(isOver()).toBe(false);
  server.releaseJobs();
  expect(await rows).toEqual([{ one: 1 }]);
  expect(time.sliceEndsAt).toBeLessThan(Number.POSITIVE_INFINITY);
});

const holder = fileURLToPath(new URL("../adapters/duckdb-child.ts", import.meta.url));

/** Another process that holds the file of a warehouse. */
async function heldByAnother(path: string): Promise<ChildProcess> {
  const child = endedWithTest(() =>
    spawn(process.execPath, [holder, JSON.stringify({ action: "keep", path })], {
      stdio: ["ignore", "pipe", "inherit"],
    }),
  );
  await once(child.stdout, "data");
  return child;
}

test("a task that waits for the warehouse is not timed out, and is once it has the warehouse", async () => {
  const data = temporaryFolder();
  const child = await heldByAnother(`${data}/warehouse.duckdb`);
  let asked = false;
  const flow = workflow("flow")
    .task(
      "waits",
      ({ services, signal }) => {
        asked = true;
        return services.warehouse.rows("SELECT 1 AS one", {}, 1, signal);
      },
      { timeout: "10s", retry: false },
    )
    .task("hangs", () => new Promise<string>(() => undefined), { timeout: "10s", retry: false });
  const { app, clock, start } = timedApp({ data, workflows: [flow] });
  app.work.start();
  const batchId = await start("flow");
  await expect.poll(() => asked).toBe(true);
  await clock.advance(120_000);
  const states = async () => (await app.engine.admin.show(batchId)).tasks.map(({ status }) => status);
  await expect.poll(states).toEqual(["PROCESSING", "ERROR"]);
  child.kill("SIGKILL");
  // No time passes from now on, but what the warehouse really needs.
  await expect.poll(states).toEqual(["SUCCESS", "ERROR"]);
  const view = await app.engine.admin.show(batchId);
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 1, result: [{ one: 1 }] });
  expect(view.tasks[1]).toMatchObject({ error: { code: "TASK_TIMEOUT" } });
});
