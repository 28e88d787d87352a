import { testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import contributionsAnalysis, { contributionsRefresh } from "../workflows/contributions-analysis.ts";
import { sampleText } from "./support.ts";

const file = "contributions/contributions.ndjson";
const sample = sampleText(file);
const day = { date: "2026-10-11" };

const inbox = (text: string) => ({ objects: { inbox: { [file]: text } } });
const analysis = (text = sample) => testWorkflow(contributionsAnalysis, inbox(text));
const refresh = (text = sample) => testWorkflow(contributionsRefresh, inbox(text));

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
  const subject = analysis();
  const run = await subject.run({ input: day });
  expect(run.status).toBe("SUCCESS");
  expect(run.tasks.collect).toMatchObject({
    counters: { items_processed: 121, items_failed: 5 },
    warnings: [expect.stringMatching(/^C-\d+ came twice, and counts once$/)],
  });
  expect(run.tasks.collect.errors).toEqual([
    expect.stringContaining("item 12: "),
    expect.stringContaining("amount_cents"),
    expect.stringContaining("amount_cents"),
    expect.stringContaining("contributed_at"),
    expect.stringContaining("contributor"),
  ]);
  expect(run.tasks.analyse.counters).toEqual({ items_processed: 120 });
  const rows = subject.objects.text("reports", "contributions/2026-10-11.md").match(/^\| \d.*$/gm) ?? [];
  const cents = rows.map((row) => Math.round(Number(row.split("|")[3]) * 100));
  const expected = validCents();
  expect(rows).toHaveLength(10 + 3);
  expect(sum(cents.slice(0, 10))).toBe(expected);
  expect(sum(cents.slice(10))).toBe(expected);
  expect(cents.slice(0, 10)).toEqual(cents.slice(0, 10).toSorted((one, other) => other - one));
});

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

/** The sum of the sample's 120 good lines, computed in another way than the workflow does. */
function validCents(): number {
  const lines = sample.split("\n").filter((text) => !text.includes("2026-10-35"));
  const good = /"contribution_id":"(C-\d+)".*"contributor":.*"amount_cents":(\d+)/g;
  const amounts = new Map<string, number>();
  for (const [, id = "", cents] of lines.join("\n").matchAll(good)) amounts.set(id, Number(cents));
  return sum([...amounts.values()]);
}

test("the second run of a day executes nothing and has the same results; the next day runs", async () => {
  const subject = analysis();
  const first = await subject.run({ input: day });
  subject.objects.put("inbox", file, line("late", 100));
  const again = await subject.run({ input: day });
  for (const task of ["collect", "analyse", "publish-ranking"] as const) {
    expect(again.tasks[task]).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
    expect(again.result(task)).toEqual(first.result(task));
  }
  expect(again.calls).toEqual([]);
  const next = await subject.run({ input: { date: "2026-10-12" } });
  expect(next.result("publish-ranking")).toMatchObject({ first: { name: "late", amount_cents: 100 } });
  expect(subject.objects.text("reports", "contributions/2026-10-11.md")).not.toContain("late");
});

test("only what came before the day in Paris counts; equal amounts share a rank", async () => {
  const subject = analysis(
    [
      line("ada", 500),
      line("b|ob", 500, "2026-10-10T21:59:59Z"),
      line("chiara", 400),
      line("too late", 900, "2026-10-10T22:00:00Z"),
    ].join("\n"),
  );
  const run = await subject.run({ input: day });
  expect(run.tasks.collect.counters).toEqual({ items_processed: 4, items_of_later_days: 1 });
  const rows = subject.objects.text("reports", "contributions/2026-10-11.md").match(/^\| \d.*$/gm);
  expect(rows?.slice(0, 3)).toEqual([
    "| 1 | ada | 5.00 | 1 |",
    "| 1 | b\\|ob | 5.00 | 1 |",
    "| 3 | chiara | 4.00 | 1 |",
  ]);
});

test("when no line can be read the task fails, and its children are skipped; the same day may try again", async () => {
  const subject = analysis("{\n[]");
  const failed = await subject.run({ input: day });
  expect(failed.status).toBe("ERROR");
  expect(failed.error("collect").code).toBe("ALL_ITEMS_FAILED");
  expect(failed.tasks.collect).toMatchObject({ attempts: 3, counters: { items_failed: 2 } });
  expect(failed.tasks.collect.errors).toHaveLength(3);
  for (const task of ["analyse", "publish-ranking"] as const)
    expect(failed.tasks[task]).toMatchObject({ status: "SKIPPED", reason: "upstream_failed" });
  subject.objects.put("inbox", file, sample);
  expect((await subject.run({ input: day })).status).toBe("SUCCESS");
});

test("the refresh runs each time", async () => {
  const subject = refresh();
  const first = await subject.run({ input: day });
  subject.objects.put("inbox", file, line("late", 100));
  const again = await subject.run({ input: day });
  expect(first.result("refresh").contributions).toBe(120);
  expect(again.result("refresh").contributions).toBe(1);
});

test("a refresh is skipped while another one runs", async () => {
  const subject = refresh();
  const started = await Promise.all([1, 2, 3].map(() => subject.start({ input: day })));
  const runs = [];
  for (const batch of started) runs.push(await batch.end());
  const outcomes = runs.map(({ tasks }) => `${tasks.refresh.status} ${tasks.refresh.reason}`);
  expect(new Set(outcomes)).toEqual(new Set(["SUCCESS null", "SKIPPED lock_held"]));
});

test("the schedule starts the day's batch at six in Paris, once, with the day of the slot", async () => {
  const subject = testWorkflow(contributionsAnalysis, { ...inbox(sample), now: "2026-11-21T00:00:00Z" });
  expect(await subject.at("2026-11-21T04:59:00Z")).toEqual([]);
  const runs = await subject.at("2026-11-21T05:00:00Z");
  expect(runs).toMatchObject([{ status: "SUCCESS" }]);
  expect(runs[0]?.result("collect").date).toBe("2026-11-21");
  expect(await subject.at("2026-11-21T05:30:00Z")).toEqual([]);
});
