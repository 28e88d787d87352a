import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { deriveBatchId } from "../../src/core/batch.ts";
import { slotKey } from "../../src/core/schedule/schedule.ts";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";
import { command, each, lines, numbered, onceEach, placeWith, seenIn, sorted } from "./backfill-place.ts";

const keyed = `
import { workflow } from "baton-dag";
export const all = workflow("all-keyed")
  .task("first", () => 1, { idempotency: { key: { fields: ["id"] } } })
  .task("second", () => 2, { idempotency: { key: ({ id }) => "the " + id }, after: ["first"] });
export const some = workflow("some-keyed")
  .task("first", () => 1, { idempotency: { key: { fields: ["id"] } } })
  .task("second", () => 2, { after: ["first"] });
`;

/** The rows of every table while no process has the file open. */
function rowCounts(place: Workplace): Record<string, number> {
  const database = new DatabaseSync(place.path("data/baton.sqlite"), { readOnly: true });
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const counts = tables.map(({ name }) => {
    const row = database.prepare(`SELECT count(*) AS rows FROM "${name}"`).get();
    return [String(name), Number(row?.rows)];
  });
  database.close();
  return Object.fromEntries(counts);
}

describe("items", () => {
  test("ndjson: each distinct line runs once; a second backfill runs nothing", async () => {
    const place = placeWith([...numbered(5), { n: 2 }, { n: 5 }]);
    const first = await place.baton(command);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toBe("left out: 2 duplicate\n5 items: 5 succeeded, 0 skipped, 0 failed\n");
    expect(sorted(seenIn(place))).toEqual(onceEach(5));
    const second = await place.baton(command);
    expect(second.code).toBe(0);
    expect(second.stdout).toContain("5 items: 0 succeeded, 5 skipped, 0 failed\n");
    expect(sorted(seenIn(place))).toEqual(onceEach(5));
  });

  test("csv: every value is text", async () => {
    const place = placeWith([]);
    place.write("items.csv", '\uFEFFn,note\r\n1,"two\nlines"\r\n02,\r\n');
    const { code, json } = await place.baton(["backfill", "each", "--input", "items.csv", "--json"]);
    expect(code).toBe(0);
    expect(json).toEqual({
      workflowId: "each",
      items: 2,
      succeeded: 2,
      skipped: 0,
      failed: 0,
      remaining: 0,
      duplicates: 0,
      invalid: 0,
      failures: [],
    });
    expect(sorted(seenIn(place))).toEqual(["+02", "+1", "-02", "-1"]);
  });

  test("days, a leap day among them", async () => {
    const place = new Workplace({ "each.ts": each.replace('schedule("* * * * *")', "") });
    const range = ["--from", "2028-02-28", "--to", "2028-03-01"];
    expect((await place.baton(["backfill", "each", ...range])).code).toBe(0);
    expect(sorted(seenIn(place)).slice(0, 3)).toEqual(["+2028-02-28", "+2028-02-29", "+2028-03-01"]);
  });

  test("days of a scheduled workflow: the batches that its schedule would have started, each once", async () => {
    const daily = each.replace('"* * * * *"', '"30 2 * * *", { timeZone: "Europe/Paris" }');
    const place = new Workplace({ "each.ts": daily });
    const schedule = { cron: "30 2 * * *", timeZone: "Europe/Paris" };
    // The clock leaps over 02:30 on the 29th.
    const slots = ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"];
    const keys = slots.map((slot) => slotKey(schedule, Date.parse(slot)));
    // One has been started, as the replay of a dead letter does.
    const input = JSON.stringify({ scheduledAt: slots[0], date: "2026-03-28" });
    const [key = ""] = keys;
    expect((await place.baton(["run", "each", "--key", key, "--input", input])).code).toBe(0);
    const command = ["backfill", "each", "--from", "2026-03-28", "--to", "2026-03-30", "--json"];
    expect((await place.baton([...command, "--dry-run"])).json.items).toMatchObject([
      { where: slots[0], action: "skip" },
      { where: slots[1], action: "run" },
      { where: slots[2], action: "run" },
    ]);
    expect((await place.baton(command)).json).toMatchObject({ items: 3, succeeded: 2, skipped: 1 });
    const batches = (await place.baton(["batches", "--json"])).list;
    expect(sorted(batches.map(({ batchId }) => String(batchId)))).toEqual(
      sorted(keys.map((each) => deriveBatchId("each", each))),
    );
    expect(sorted(batches.map(({ startedBy }) => String(startedBy)))).toEqual([
      `key ${key}`,
      `schedule ${slots[1]}`,
      `schedule ${slots[2]}`,
    ]);
    expect(sorted(seenIn(place)).slice(0, 3)).toEqual(["+2026-03-28", "+2026-03-29", "+2026-03-30"]);
    expect((await place.baton(command)).json).toMatchObject({ items: 3, succeeded: 0, skipped: 3 });
  });

  test("future slots are left to the schedule", async () => {
    const place = new Workplace({ "each.ts": each.replace("* * * * *", "@yearly") });
    const years = new Date().getUTCFullYear() - 2024;
    const { stderr, json } = await place.baton([
      ...["backfill", "each", "--from", "2025-01-01", "--to", "2999-12-31", "--json"],
    ]);
    expect(json).toMatchObject({ items: years, succeeded: years });
    expect(stderr).toMatch(/^Slots after .* are left to the schedule: they are in the future\.$/m);
  });

  test("schedules do not run during a backfill", async () => {
    const place = placeWith(numbered(2));
    expect((await place.baton(command)).code).toBe(0);
    expect(rowCounts(place)).toMatchObject({ batches: 2, schedules: 0 });
  });
});

describe("invalid usage", () => {
  test.each([
    [["each"], "USAGE"],
    [["each", "--from", "2026-01-01"], "USAGE"],
    [["each", "--from", "2026-01-02", "--to", "2026-01-01"], "USAGE"],
    [["each", "--from", "2026-02-29", "--to", "2026-03-01"], "USAGE"],
    [["each", "--input", "items.ndjson", "--from", "2026-01-01", "--to", "2026-01-02"], "USAGE"],
    [["each", "--input", "items.txt"], "USAGE"],
    [["each", "--input", "nowhere.csv"], "USAGE"],
    [["each", "--input", "workflows"], "USAGE"],
    [["each", "--input", "items.ndjson", "--concurrency", "0"], "USAGE"],
    [["missing", "--input", "items.ndjson"], "WORKFLOW_UNKNOWN"],
  ])("%j", async (parameters, code) => {
    const { code: exitCode, json, stderr } = await placeWith([]).baton(["backfill", ...parameters, "--json"]);
    expect(exitCode).toBe(2);
    expect(json.error).toMatchObject({ code });
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test("one invalid line prevents all starts, unless --skip-invalid is given", async () => {
    const place = new Workplace(helloFiles);
    place.write("items.ndjson", `{"n":1}\n{"n":"one"}\n\n{"n":\n{"n":2}\n{"n":3,"x":"\\ud800"}\n`);
    const parameters = ["backfill", "hello", "--input", "items.ndjson"];
    const refused = await place.baton([...parameters, "--json"]);
    expect(refused.code).toBe(2);
    expect(refused.json.error).toMatchObject({
      code: "ITEMS_INVALID",
      message: expect.stringMatching(
        /^3 of 5 items are invalid, so nothing was started:\nline 2: .*n.*\nline 4: it is not JSON: .*\nline 6: .*$/,
      ),
    });
    expect((await place.baton(["batches", "--json"])).list).toEqual([]);
    const { code, stdout, stderr } = await place.baton([...parameters, "--skip-invalid"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^left out: line 2: .*\nleft out: line 4: .*\nleft out: line 6: .*\n$/);
    expect(stdout).toBe("left out: 3 invalid\n2 items: 2 succeeded, 0 skipped, 0 failed\n");
  });

  test("of many invalid lines the first twenty are listed, with the number of the others", async () => {
    const place = placeWith([]);
    place.write("items.ndjson", "x\n".repeat(25));
    const { stderr } = await place.baton(command);
    expect(stderr).toMatch(
      /^error ITEMS_INVALID: 25 of 25 items .*\nline 1: (.*\n){20}and 5 more\nwhat to do: /,
    );
  });
});

describe("dry run", () => {
  test("shows the action for each item, and writes nothing", async () => {
    const items = [{ n: 1 }, { n: 2, fail: true }, { n: 3 }];
    const place = placeWith(items.slice(0, 2));
    expect((await place.baton(command)).code).toBe(1);
    place.write("items.ndjson", lines(items));
    const before = rowCounts(place);
    const list = (await place.baton(["batches", "--json"])).list;
    const { code, stdout } = await place.baton([...command, "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        "^skip {4}line 1 {2}done: each-\\w+\nretry {3}line 2 {2}failed: each-\\w+\nrun {5}line 3 {2}new\n" +
          "1 run, 1 retry, 0 follow, 1 skip; nothing was started\n$",
      ),
    );
    const asJson = await place.baton([...command, "--dry-run", "--json"]);
    expect(asJson.json).toEqual({
      workflowId: "each",
      dryRun: true,
      ...{ run: 1, retry: 1, follow: 0, skip: 1, duplicates: 0, invalid: 0 },
      items: [
        { where: "line 1", action: "skip", reason: expect.stringMatching(/^done: /) },
        { where: "line 2", action: "retry", reason: expect.stringMatching(/^failed: /) },
        { where: "line 3", action: "run", reason: "new" },
      ],
    });
    expect(rowCounts(place)).toEqual(before);
    expect((await place.baton(["batches", "--json"])).list).toEqual(list);
    expect(seenIn(place)).not.toContain("+3");
  });

  test("an item whose tasks are all completed in other batches is skipped", async () => {
    const place = new Workplace({ "keyed.ts": keyed });
    for (const workflowId of ["all-keyed", "some-keyed"])
      await place.baton(["run", workflowId, "--input", '{"id":1}']);
    place.write("items.ndjson", lines([{ id: 1 }, { id: 2 }]));
    const all = ["backfill", "all-keyed", "--input", "items.ndjson"];
    expect((await place.baton([...all, "--dry-run"])).stdout).toBe(
      "skip    line 1  already_completed: all-keyed/first?id=1\nrun     line 2  new\n" +
        "1 run, 0 retry, 0 follow, 1 skip; nothing was started\n",
    );
    expect((await place.baton(all)).stdout).toContain("2 items: 1 succeeded, 1 skipped");
    const some = await place.baton(["backfill", "some-keyed", "--input", "items.ndjson", "--dry-run"]);
    expect(some.stdout).toContain("2 run, ");
  });
});
