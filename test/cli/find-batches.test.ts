import { expect, test } from "vitest";
import { pastTime } from "../../src/cli/arguments.ts";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";

async function filledPlace(): Promise<Workplace> {
  const place = new Workplace(helloFiles);
  for (const n of [1, 2, 100]) await place.baton(["run", "hello", "--input", JSON.stringify({ n })]);
  await place.baton(["run", "hello", "--input", '{"n":2}', "--key", "again"]);
  return place;
}

test("batches are found by status, trigger, a field of the input and times", async () => {
  const place = await filledPlace();
  const inputsOf = async (...options: string[]) => {
    const { list } = await place.baton(["batches", "--json", ...options]);
    return list.map(({ startedBy, status }) => `${startedBy} ${status}`);
  };
  expect(await inputsOf()).toEqual(["key again SUCCESS", "manual ERROR", "manual SUCCESS", "manual SUCCESS"]);
  expect(await inputsOf("--status", "ERROR", "--ended-since", "1h")).toEqual(["manual ERROR"]);
  expect(await inputsOf("--trigger", "key")).toEqual(["key again SUCCESS"]);
  expect(await inputsOf("--input", "n=2")).toEqual(["key again SUCCESS", "manual SUCCESS"]);
  expect(await inputsOf("--workflow", "hello", "--input", "n=2", "--trigger", "manual")).toHaveLength(1);
  expect(await inputsOf("--ended-before", "1h")).toEqual([]);
  expect(await inputsOf("--started-since", "1h", "--ended-since", "1h")).toHaveLength(4);
  expect(await inputsOf("--started-since", "2000-01-01", "--started-before", "2000-01-02")).toEqual([]);
});

test("a list continues where the one before ended, by its cursor", async () => {
  const place = await filledPlace();
  const seen: unknown[] = [];
  let next: readonly string[] = [];
  for (let pages = 0; pages < 4; pages += 1) {
    const { list, stderr } = await place.baton(["batches", "--limit", "3", "--json", ...next]);
    seen.push(...list.map(({ batchId }) => batchId));
    const cursor = /--cursor (\S+)/.exec(stderr)?.[1];
    if (cursor === undefined) break;
    next = ["--cursor", cursor];
  }
  expect(new Set(seen).size).toBe(4);
  expect(seen).toHaveLength(4);
});

test("what is no cursor, no time and no field is refused", async () => {
  const place = new Workplace(helloFiles);
  for (const wrong of [
    ["--cursor", "x"],
    ["--ended-since", "soon"],
    ["--ended-since", "2026"],
    ["--input", "n"],
    ["--trigger", "magic"],
  ])
    expect(await place.baton(["batches", ...wrong])).toMatchObject({ code: 2 });
});

test("a time is a duration ago, a day of this computer, or one in ISO 8601", () => {
  const now = Date.now();
  expect(pastTime("24h")).toBeGreaterThanOrEqual(now - 86_400_000);
  expect(pastTime("24h")).toBeLessThanOrEqual(Date.now() - 86_400_000);
  expect(pastTime("2026-11-30T08:00Z")).toBe(Date.UTC(2026, 10, 30, 8));
  expect(pastTime("2026-11-30")).toBe(new Date(2026, 10, 30).getTime());
  expect(pastTime("yesterday")).toBeLessThan(pastTime("today"));
  expect(new Date(pastTime("today")).getHours()).toBe(0);
});
