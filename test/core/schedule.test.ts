import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import {
  decideDueSlots,
  deriveScheduleId,
  nextSlot,
  type Schedule,
  ScheduleSchema,
  slotInput,
  slotKey,
  slotsBetween,
  slotText,
} from "../../src/core/schedule/schedule.ts";
import { timeZoneProblem } from "../../src/core/schedule/slots.ts";

const at = (text: string) => Date.parse(text);
const paris = (cron: string, missed: Schedule["missed"] = "skip"): Schedule => ({
  type: "schedule",
  cron,
  timeZone: "Europe/Paris",
  missed,
});

function slots(cron: string, after: string, until: string): string[] {
  return slotsBetween(paris(cron), at(after), at(until), 1_000).map(slotText);
}

test("slots are after the first time, up to the second, on the wall clock of the time zone", () => {
  expect(slots("0 6 * * *", "2026-11-20T05:00:00Z", "2026-11-22T05:00:00Z")).toEqual([
    "2026-11-21T05:00:00Z",
    "2026-11-22T05:00:00Z",
  ]);
  expect(slots("0 6 * * *", "2026-07-01T03:59:59.999Z", "2026-07-01T04:00:00Z")).toEqual([
    "2026-07-01T04:00:00Z",
  ]);
  expect(slots("0 6 * * *", "2026-07-01T04:00:00Z", "2026-07-01T04:00:01Z")).toEqual([]);
});

test("slots are bounded, oldest first", () => {
  const minutes = slotsBetween(paris("* * * * *"), 0, at("2026-01-01T00:00:00Z"), 3);
  expect(minutes).toEqual([60_000, 120_000, 180_000]);
});

// On 2026-03-29 the clocks of Paris go from 02:00 (01:00 UTC) to 03:00.
test.each([
  ["30 2 * * *", ["2026-03-29T01:00:00Z"]],
  ["15,45 2 * * *", ["2026-03-29T01:00:00Z"]],
  ["30 2,4 * * *", ["2026-03-29T01:00:00Z", "2026-03-29T02:30:00Z"]],
  ["0 3 * * *", ["2026-03-29T01:00:00Z"]],
  ["*/30 1-3 * * *", ["00:00", "00:30", "01:00", "01:30"].map((time) => `2026-03-29T${time}:00Z`)],
])("%s in the night when an hour is missing: a time in the gap comes right after it", (cron, expected) => {
  expect(slots(cron, "2026-03-28T23:00:00Z", "2026-03-29T21:00:00Z")).toEqual(expected);
});

// On 2026-10-25 they go from 03:00 (01:00 UTC) back to 02:00.
test.each([
  ["30 2 * * *", ["2026-10-25T00:30:00Z"]],
  ["30 2,4 * * *", ["2026-10-25T00:30:00Z", "2026-10-25T03:30:00Z"]],
  ["15,45 2 * * *", ["2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z"]],
  ["0 3 * * *", ["2026-10-25T02:00:00Z"]],
  ["*/30 2 * * *", ["00:00", "00:30", "01:00", "01:30"].map((time) => `2026-10-25T${time}:00Z`)],
])("%s in the night when an hour comes twice: a fixed time comes once", (cron, expected) => {
  expect(slots(cron, "2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z")).toEqual(expected);
});

test.each(["30 2 * * *", "15,45 1-3 * * *", "*/20 * * * *", "0 3 * * *"])(
  "%s: the slots are the same wherever one begins to look, also while the clocks change",
  (cron) => {
    for (const [from, until] of [
      ["2026-03-28T00:00:00Z", "2026-03-30T00:00:00Z"],
      ["2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z"],
    ] as const) {
      const all = slotsBetween(paris(cron), at(from), at(until), 1_000);
      for (let after = at(from); after < at(until); after += 7 * 60_000)
        expect(nextSlot(paris(cron), after) ?? 0).toBe(
          all.find((slot) => slot > after) ?? nextSlot(paris(cron), at(until)),
        );
    }
  },
);

const lastSlot = at("2026-11-20T05:00:00Z");

test("skip: only recent slots start; older ones never start", () => {
  const daily = paris("0 6 * * *");
  const onTime = at("2026-11-23T05:00:00Z");
  expect(decideDueSlots(daily, lastSlot, onTime)).toEqual({ due: [onTime], lastSlot: onTime, skips: true });
  const grace = limits.scheduleGraceSeconds * 1_000;
  expect(decideDueSlots(daily, lastSlot, onTime + grace).due).toEqual([onTime]);
  const late = onTime + grace + 1;
  expect(decideDueSlots(daily, lastSlot, late)).toEqual({ due: [], lastSlot: onTime, skips: true });
  expect(decideDueSlots(daily, onTime, late)).toEqual({ due: [], lastSlot: onTime, skips: false });
});

test("skip: every slot of a tick that came a little late starts", () => {
  const minutes = [1, 2].map((minute) => lastSlot + minute * 60_000);
  expect(decideDueSlots(paris("* * * * *"), lastSlot, lastSlot + 125_000).due).toEqual(minutes);
});

test("catch_up: all that was missed, oldest first", () => {
  const daily = paris("0 6 * * *", "catch_up");
  const days = [21, 22, 23].map((day) => at(`2026-11-${day}T05:00:00Z`));
  const decision = decideDueSlots(daily, lastSlot, at("2026-11-23T12:00:00Z"));
  expect(decision).toEqual({ due: days, lastSlot: days[2], skips: false });
  expect(decideDueSlots(daily, decision.lastSlot, at("2026-11-23T12:00:00Z")).due).toEqual([]);
});

test("catch_up: slots beyond the limit of one tick start with the next ones, and none is lost", () => {
  const now = lastSlot + 250 * 60_000;
  const started: number[] = [];
  let cursor = lastSlot;
  const sizes = [1, 2, 3, 4].map(() => {
    const decision = decideDueSlots(paris("* * * * *", "catch_up"), cursor, now);
    cursor = decision.lastSlot;
    started.push(...decision.due);
    return decision.due.length;
  });
  expect(sizes).toEqual([100, 100, 50, 0]);
  expect(started).toEqual(Array.from({ length: 250 }, (_, index) => lastSlot + (index + 1) * 60_000));
});

test("the input has the day of the time zone; the key names pattern, zone and slot", () => {
  const slot = at("2026-11-20T23:30:00Z");
  const midnight = paris("30 0 * * *");
  expect(slotInput(midnight, slot)).toEqual({ scheduledAt: "2026-11-20T23:30:00Z", date: "2026-11-21" });
  expect(slotInput({ ...midnight, timeZone: "America/New_York" }, slot).date).toBe("2026-11-20");
  expect(slotKey(midnight, slot)).toBe("schedule 30 0 * * * Europe/Paris 2026-11-20T23:30:00Z");
  expect(deriveScheduleId("w", midnight)).toMatch(/^w-[0-9a-f]{20}$/);
  expect(deriveScheduleId("w", midnight)).not.toBe(deriveScheduleId("w", { ...midnight, timeZone: "UTC" }));
});

test("the input of a slot that the clock skipped has the day that the pattern names, not the day after", () => {
  const nightly = { cron: "59 23 * * *", timeZone: "America/Nuuk" };
  const slot = at("2026-03-29T01:00:00Z");
  expect(nextSlot(nightly, at("2026-03-28T12:00:00Z"))).toBe(slot);
  expect(slotInput(nightly, slot)).toEqual({ scheduledAt: "2026-03-29T01:00:00Z", date: "2026-03-28" });
});

test.each([
  ["61 * * * *", 'minute "61": 61 is out of range; use 0-59'],
  ["* * * * * *", "it has 6 parts, not 5"],
  ["0 6 31 2 *", "there is no such time in any year"],
])("the pattern %j is refused: %s", (cron, problem) => {
  const parsed = ScheduleSchema.safeParse(paris(cron));
  expect(parsed.error?.issues).toHaveLength(1);
  expect(parsed.error?.issues[0]?.message).toContain(`"${cron}" is not a cron pattern: `);
  expect(parsed.error?.issues[0]?.message).toContain(problem);
});

test.each(["Europe/Pariss", "+02:00", ""])("the time zone %j is refused", (timeZone) => {
  const parsed = ScheduleSchema.safeParse({ ...paris("0 6 * * *"), timeZone });
  expect(parsed.error?.issues.map(({ path, message }) => [path, message])).toEqual([
    [["timeZone"], timeZoneProblem(timeZone)],
  ]);
});

test("a pattern has to fit into the key of a batch", () => {
  const long = `${Array.from({ length: 60 }, (_, minute) => minute).join(",")} ${"0,".repeat(100)}0 * * *`;
  expect(ScheduleSchema.safeParse(paris(long)).success).toBe(false);
  expect(ScheduleSchema.safeParse(paris("@daily")).success).toBe(true);
});

test("a cursor far in the future is reset to now, and one within the grace period waits", () => {
  const now = Date.parse("2026-11-21T06:00:30Z");
  const grace = limits.scheduleGraceSeconds * 1_000;
  for (const missed of ["skip", "catch_up"] as const) {
    const minutely = { type: "schedule", cron: "* * * * *", timeZone: "UTC", missed } as const;
    expect(decideDueSlots(minutely, now + grace + 1, now)).toEqual({
      due: [],
      lastSlot: now,
      skips: false,
      wasAhead: true,
    });
    expect(decideDueSlots(minutely, now + grace, now)).toMatchObject({ due: [], lastSlot: now + grace });
  }
});
