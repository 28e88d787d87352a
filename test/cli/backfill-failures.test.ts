import { describe, expect, test } from "vitest";
import { anHourLater, until, type Workplace } from "../support/command.ts";
import { command, numbered, onceEach, placeWith, seenIn, sorted } from "./backfill-place.ts";

describe("failures", () => {
  test("exit 1, each listed with its batch and error; the next backfill retries only those", async () => {
    const place = placeWith([{ n: 1 }, { n: 2, fail: true }]);
    const { code, json, stderr } = await place.baton([...command, "--json"]);
    expect(code).toBe(1);
    expect(stderr).toBe(
      "The same command continues from here: completed items are skipped, failed ones are retried.\n",
    );
    expect(json).toMatchObject({
      ...{ succeeded: 1, failed: 1, remaining: 0 },
      failures: [
        {
          where: "line 2",
          batchId: expect.stringMatching(/^each-/),
          status: "ERROR",
          taskId: "work",
          error: { code: "TASK_FAILED", message: "no 2" },
        },
      ],
    });
    const again = await place.baton(command);
    expect(again.code).toBe(1);
    expect(again.stdout).toMatch(/^failed {2}line 2 {2}each-\w+ {2}work: TASK_FAILED: no 2$/m);
    expect((await place.baton(["batches", "--json"])).list).toHaveLength(3);
    place.write("repaired", "");
    expect((await place.baton(command)).code).toBe(0);
    expect(sorted(seenIn(place))).toEqual(["+1", "+2", "+2", "+2", "-1", "-2"]);
    expect((await place.baton(command)).stdout).toContain("2 skipped");
  });
});

describe("many at once", () => {
  test("no more batches than asked for run at the same time", async () => {
    const place = placeWith(numbered(8, { gate: true }));
    const running = place.spawn([...command, "--concurrency", "3"]);
    await until(() => seenIn(place).length === 3);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(seenIn(place)).toHaveLength(3);
    place.write("gate", "");
    expect((await running.ended).code).toBe(0);
    let active = 0;
    for (const note of seenIn(place)) {
      active += note.startsWith("+") ? 1 : -1;
      expect(active).toBeLessThanOrEqual(3);
    }
    expect(sorted(seenIn(place))).toEqual(onceEach(8));
  });

  test("two backfills of the same file at once: each item runs once, and both see it end", async () => {
    const place = placeWith(numbered(30));
    const both = await Promise.all([
      place.process([...command, "--json"]),
      place.process([...command, "--json"]),
    ]);
    for (const { code, json } of both) {
      expect(code).toBe(0);
      expect(json).toMatchObject({ items: 30, failed: 0, remaining: 0 });
    }
    expect(sorted(seenIn(place))).toEqual(onceEach(30));
  });
});

describe("interruptions", () => {
  /** Three that end, and three that wait for the gate. */
  const items = [...numbered(3), ...[4, 5, 6].map((n) => ({ n, gate: true }))];
  const threeDone = async (place: Workplace) => {
    await until(() => ["-1", "-2", "-3", "+4", "+5"].every((note) => seenIn(place).includes(note)));
    await until(async () => {
      const { list } = await place.baton(["batches", "--status", "SUCCESS", "--json"]);
      return list.length === 3;
    });
  };

  test("after a kill, completed items are not repeated, and the others run once", async () => {
    const place = placeWith(items);
    const running = place.spawn([...command, "--concurrency", "2"]);
    await threeDone(place);
    running.signal("SIGKILL");
    await running.ended;
    place.write("gate", "");
    const { code, json } = await place.process([...command, "--json"], { environment: anHourLater });
    expect(code).toBe(0);
    expect(json).toMatchObject({ items: 6, failed: 0, remaining: 0 });
    // The two that were killed while they waited began a second time.
    expect(sorted(seenIn(place))).toEqual(sorted([...onceEach(6), "+4", "+5"]));
    const { list } = await place.baton(["batches", "--json"]);
    expect(list.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => "SUCCESS"));
  });

  test("Ctrl-C: running tasks are released, and the same command continues", async () => {
    const place = placeWith(items);
    const running = place.spawn([...command, "--concurrency", "2", "--json"]);
    await threeDone(place);
    running.signal("SIGINT");
    const { code, json, stderr } = await running.ended;
    expect(code).toBe(130);
    expect(json).toMatchObject({ items: 6, succeeded: 3, failed: 0, remaining: 3 });
    expect(stderr).toMatch(/^Stopping: .*\nThe same command continues from here: .*\n$/);
    place.write("gate", "");
    expect(await place.baton(command)).toMatchObject({ code: 0, stderr: "" });
    expect(sorted(seenIn(place))).toEqual(sorted([...onceEach(6), "+4", "+5"]));
  });
});
