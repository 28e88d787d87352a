import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import { deriveBatchId } from "../../src/core/batch.ts";
import { slotKey } from "../../src/core/schedule/schedule.ts";
import {
  runToEnd,
  statuses,
  type TestAppOptions,
  temporaryFolder,
  testApp,
  untilEnded,
} from "../../test/support/app.ts";
import { withStore } from "../../test/support/faults.ts";
import contributionsAnalysis, { contributionsRefresh } from "../workflows/contributions-analysis.ts";

const sample = fileURLToPath(new URL("../data/contributions/contributions.ndjson", import.meta.url));
const daily = "contributions-analysis";
const recurring = "contributions-refresh";
const day = { date: "2026-10-11" };

interface Place {
  readonly app: EmbeddedApp;
  readonly source: string;
  readonly reports: string;
}

interface PlaceOptions {
  /** Default: those of the sample. */
  readonly lines?: readonly string[];
  readonly around?: TestAppOptions["around"];
}

/** An app with contributions in its inbox. */
function contributionsApp({ lines, around }: PlaceOptions = {}): Place {
  const data = temporaryFolder();
  const workflows = [contributionsAnalysis, contributionsRefresh];
  const app = testApp({ data, workflows, ...(around && { around }) });
  const folder = `${data}/inbox/contributions`;
  mkdirSync(folder, { recursive: true });
  const source = `${folder}/contributions.ndjson`;
  if (lines) writeFileSync(source, lines.join("\n"));
  else copyFileSync(sample, source);
  return { app, source, reports: `${data}/reports/contributions` };
}

function line(contributor: string, amount_cents: number, contributed_at = "2026-10-09T12:00:00Z"): string {
  const contribution_id = `${contributor}-${contributed_at}`;
  return JSON.stringify({
    contribution_id,
    contributed_at,
    contributor,
    project: "roof",
    amount_cents,
    currency: "EUR",
  });
}

test("lines that can't be read are listed, the others are ranked: SUCCESS", async () => {
  const { app, reports } = contributionsApp();
  const view = await runToEnd(app, daily, day);
  expect(statuses(view)).toEqual({ collect: "SUCCESS", analyse: "SUCCESS", "publish-ranking": "SUCCESS" });
  const [collect, analyse] = view.tasks;
  expect(collect?.report).toMatchObject({
    task: "collect",
    task_id: `${view.batchId}/collect`,
    status: "success",
    reason: null,
    counters: { items_processed: 121, items_failed: 5 },
    warnings: [expect.stringMatching(/^C-\d+ came twice, and counts once$/)],
  });
  expect(collect?.report.errors).toEqual([
    expect.stringContaining("item 12: "),
    expect.stringContaining("amount_cents"),
    expect.stringContaining("amount_cents"),
    expect.stringContaining("contributed_at"),
    expect.stringContaining("contributor"),
  ]);
  expect(analyse?.report.counters).toEqual({ items_processed: 120 });
  const rows = readFileSync(`${reports}/2026-10-11.md`, "utf8").match(/^\| \d.*$/gm) ?? [];
  const cents = rows.map((row) => Math.round(Number(row.split("|")[3]) * 100));
  const expected = validCents();
  expect(rows).toHaveLength(10 + 3);
  expect(sum(cents.slice(0, 10))).toBe(expected);
  expect(sum(cents.slice(10))).toBe(expected);
  expect(cents.slice(0, 10)).toEqual(cents.slice(0, 10).toSorted((one, other) => other - one));
});

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** What the sample's 120 good lines add up to, found in another way than the workflow does. */
function validCents(): number {
  const lines = readFileSync(sample, "utf8")
    .split("\n")
    .filter((text) => !text.includes("2026-10-35"));
  const good = /"contribution_id":"(C-\d+)".*"contributor":.*"amount_cents":(\d+)/g;
  const amounts = new Map<string, number>();
  for (const [, id = "", cents] of lines.join("\n").matchAll(good)) amounts.set(id, Number(cents));
  return sum([...amounts.values()]);
}

test("twice in a day: the second has the same results, and nothing is executed; the next day it runs", async () => {
  const { app, source, reports } = contributionsApp();
  const first = await runToEnd(app, daily, day);
  writeFileSync(source, line("late", 100));
  const again = await runToEnd(app, daily, day);
  expect(again.status).toBe("SUCCESS");
  expect(Object.values(statuses(again))).toEqual(Array(3).fill("SUCCESS already_completed"));
  expect(again.tasks.map(({ result }) => result)).toEqual(first.tasks.map(({ result }) => result));
  expect(again.tasks.map(({ report }) => report.status)).toEqual(["skipped", "skipped", "skipped"]);
  expect(again.tasks.map(({ key }) => key)).toEqual([
    `${daily}/collect?date=20261011`,
    `${daily}/analyse?date=20261011`,
    `${daily}/publish-ranking?date=20261011`,
  ]);
  const next = await runToEnd(app, daily, { date: "2026-10-12" });
  expect(Object.values(statuses(next))).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
  expect(next.tasks[2]?.result).toMatchObject({ first: { name: "late", amount_cents: 100 } });
  expect(readFileSync(`${reports}/2026-10-11.md`, "utf8")).not.toContain("late");
});

test("only what came before the day in Paris counts; equal amounts share a rank", async () => {
  const { app, reports } = contributionsApp({
    lines: [
      line("ada", 500),
      line("b|ob", 500, "2026-10-10T21:59:59Z"),
      line("chiara", 400),
      line("too late", 900, "2026-10-10T22:00:00Z"),
    ],
  });
  const view = await runToEnd(app, daily, day);
  expect(view.tasks[0]?.report.counters).toEqual({ items_processed: 4, items_of_later_days: 1 });
  const rows = readFileSync(`${reports}/2026-10-11.md`, "utf8").match(/^\| \d.*$/gm);
  expect(rows?.slice(0, 3)).toEqual([
    "| 1 | ada | 5.00 | 1 |",
    "| 1 | b\\|ob | 5.00 | 1 |",
    "| 3 | chiara | 4.00 | 1 |",
  ]);
});

test("when no line can be read the task fails, and its children are skipped; the same day may try again", async () => {
  const { app, source } = contributionsApp({ lines: ["{", "[]"] });
  const view = await runToEnd(app, daily, day);
  expect(view.status).toBe("ERROR");
  expect(statuses(view)).toEqual({
    collect: "ERROR",
    analyse: "SKIPPED upstream_failed",
    "publish-ranking": "SKIPPED upstream_failed",
  });
  expect(view.tasks[0]).toMatchObject({
    attempts: 3,
    error: { code: "ALL_ITEMS_FAILED" },
    report: { status: "failed", counters: { items_failed: 2 } },
  });
  expect(view.tasks[0]?.report.errors).toHaveLength(3);
  copyFileSync(sample, source);
  expect((await runToEnd(app, daily, day)).status).toBe("SUCCESS");
});

test("the refresh runs each time", async () => {
  const { app, source } = contributionsApp();
  const first = await runToEnd(app, recurring, day);
  writeFileSync(source, line("late", 100));
  const again = await runToEnd(app, recurring, day);
  expect(statuses(first)).toEqual({ refresh: "SUCCESS" });
  expect(statuses(again)).toEqual({ refresh: "SUCCESS" });
  expect([first, again].map(({ tasks: [task] }) => task?.result)).toMatchObject([
    { contributions: 120 },
    { contributions: 1 },
  ]);
});

test("of refreshes that come at once one runs; the others end as SKIPPED", async () => {
  const { promise: othersEnded, resolve: release } = Promise.withResolvers<void>();
  const { app } = contributionsApp({
    around: (plain) => ({
      ...plain,
      runner: {
        run: async (assignment) => {
          await othersEnded;
          return plain.runner.run(assignment);
        },
        customKey: (call) => plain.runner.customKey(call),
        cancel: (cancelled) => plain.runner.cancel(cancelled),
      },
    }),
  });
  const start = () => app.engine.start({ kind: "start", workflowId: recurring, input: day });
  const started = await Promise.all([start(), start(), start()]);
  app.work.start();
  const running = async () =>
    (await app.engine.admin.list({ workflowId: recurring, status: "RUNNING" })).length;
  await expect.poll(running).toBe(1);
  release();
  const views = await Promise.all(started.map(({ batchId }) => untilEnded(app, batchId)));
  const outcomes = views.map((view) => statuses(view).refresh);
  expect(outcomes.sort()).toEqual(["SKIPPED lock_held", "SKIPPED lock_held", "SUCCESS"]);
});

test("the schedule starts the day's batch at six in Paris, once, with the day of the slot", async () => {
  const slot = Date.parse("2026-11-21T05:00:00Z");
  let now = slot - 3_600_000;
  const { app } = contributionsApp({
    around: (plain) =>
      withStore(plain, (store) => ({
        get: async (key) => {
          const snapshot = await store.get(key);
          return key.collection === "schedules" ? { ...snapshot, readTime: now } : snapshot;
        },
      })),
  });
  const tick = () => app.deliveries.deliver({ message: { kind: "tick" }, deliveryAttempt: 1 });
  await tick();
  now = slot;
  await tick();
  await tick();
  const batches = await app.engine.admin.list({ workflowId: daily });
  expect(batches.map(({ startedBy }) => startedBy)).toEqual(["schedule 2026-11-21T05:00:00Z"]);
  app.work.start();
  const trigger = { cron: "0 6 * * *", timeZone: "Europe/Paris" };
  const view = await untilEnded(app, deriveBatchId(daily, slotKey(trigger, slot)));
  expect(view).toMatchObject({ status: "SUCCESS", input: { date: "2026-11-21" } });
  expect(view.tasks[0]?.key).toBe(`${daily}/collect?date=20261121`);
});
