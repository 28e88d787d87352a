import { expect, test } from "vitest";
import { parsePattern } from "../../../src/core/schedule/pattern.ts";
import { slotsAfter } from "../../../src/core/schedule/slots.ts";
import { commonPatterns, compareZone } from "./comparison.ts";

const at = (text: string) => Date.parse(text);

/** The first slots after a time, and the time of the clock that each is of. */
function slots(cron: string, timeZone: string, after: string, count: number): [string, string][] {
  const found: [string, string][] = [];
  for (const { instant, wall } of slotsAfter(parsePattern(cron), timeZone, at(after))) {
    found.push([new Date(instant).toISOString().slice(0, 16), new Date(wall).toISOString().slice(0, 16)]);
    if (found.length === count) return found;
  }
  return found;
}

/**
 * A sample of `npm run compare-schedules`: clocks that change at midnight, by half an hour, by two hours, around a
 * month of fasting; those that moved to another day, or by three hours.
 */
test.each([
  ["America/Nuuk", "2026-03-01", "2026-11-30"],
  ["Europe/Paris", "2026-03-01", "2026-11-30"],
  ["Australia/Lord_Howe", "2026-03-01", "2026-11-30"],
  ["Antarctica/Troll", "2026-03-01", "2026-11-30"],
  ["Africa/Casablanca", "2026-01-15", "2026-04-15"],
  ["America/Havana", "2026-03-01", "2026-11-30"],
  ["Africa/Cairo", "2026-04-01", "2026-11-30"],
  ["Pacific/Apia", "2011-12-15", "2012-01-15"],
  ["Antarctica/Casey", "2020-09-15", "2020-10-15"],
  ["Antarctica/Casey", "2021-03-01", "2021-03-31"],
  ["Asia/Kolkata", "2026-01-01", "2026-01-03"],
])("%s: the slots between %s and %s are those of a walk over every minute", (timeZone, from, until) => {
  const compared = compareZone(timeZone, { from: at(from), until: at(until) });
  expect(compared.differences).toEqual([]);
  expect(compared.slots).toBeGreaterThan(commonPatterns.length);
});

test("a time that the clock leaps over is not lost when the leap ends at midnight, and keeps its day", () => {
  expect(slots("59 23 * * *", "America/Nuuk", "2026-03-28T12:00:00Z", 2)).toEqual([
    ["2026-03-29T01:00", "2026-03-28T23:59"],
    ["2026-03-30T00:59", "2026-03-29T23:59"],
  ]);
  expect(slots("59 23 28 3 *", "America/Nuuk", "2026-01-01T00:00:00Z", 2)).toEqual([
    ["2026-03-29T01:00", "2026-03-28T23:59"],
    ["2027-03-29T00:59", "2027-03-28T23:59"],
  ]);
});

test("times that the clock leaps over together are one slot, with that of the minute after the leap", () => {
  expect(slots("0 0,23 * * *", "America/Nuuk", "2026-03-28T12:00:00Z", 2)).toEqual([
    ["2026-03-29T01:00", "2026-03-29T00:00"],
    ["2026-03-30T00:00", "2026-03-29T23:00"],
  ]);
  expect(slots("15,45 2 * * *", "Europe/Paris", "2026-03-28T12:00:00Z", 2)).toEqual([
    ["2026-03-29T01:00", "2026-03-29T02:15"],
    ["2026-03-30T00:15", "2026-03-30T02:15"],
  ]);
});

test("a step alone does not make times that follow one another: only * does", () => {
  expect(slots("30 0-23/2 * * *", "Europe/Paris", "2026-03-28T23:45:00Z", 2)).toEqual([
    ["2026-03-29T01:00", "2026-03-29T02:30"],
    ["2026-03-29T02:30", "2026-03-29T04:30"],
  ]);
  expect(slots("30 */2 * * *", "Europe/Paris", "2026-03-28T23:45:00Z", 1)).toEqual([
    ["2026-03-29T02:30", "2026-03-29T04:30"],
  ]);
  expect(slots("0-30/30 2 * * *", "Europe/Paris", "2026-10-24T12:00:00Z", 3)).toEqual([
    ["2026-10-25T00:00", "2026-10-25T02:00"],
    ["2026-10-25T00:30", "2026-10-25T02:30"],
    ["2026-10-26T01:00", "2026-10-26T02:00"],
  ]);
});

test("a clock that moves to another day is not made up for: that day is on no calendar", () => {
  // Samoa went from Thursday the 29th to Saturday the 31st.
  expect(slots("0 6 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3)).toEqual([
    ["2011-12-29T16:00", "2011-12-29T06:00"],
    ["2011-12-30T16:00", "2011-12-31T06:00"],
    ["2011-12-31T16:00", "2012-01-01T06:00"],
  ]);
});

test("a pattern with * fires at the second showing of a time too, also from within; fixed times do not", () => {
  expect(slots("*/30 1 25 10 *", "Europe/London", "2026-10-25T00:30:00Z", 3)).toEqual([
    ["2026-10-25T01:00", "2026-10-25T01:00"],
    ["2026-10-25T01:30", "2026-10-25T01:30"],
    ["2027-10-25T00:00", "2027-10-25T01:00"],
  ]);
  for (const after of ["2026-10-25T00:30:00Z", "2026-10-25T01:10:00Z"])
    expect(slots("0,30 1 25 10 *", "Europe/London", after, 1)).toEqual([
      ["2027-10-25T00:00", "2027-10-25T01:00"],
    ]);
});

test("the second showing is not missed when the next time is far, whenever one began to look", () => {
  const second = ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30"];
  for (let minute = 0; minute < 48 * 60; minute += 15) {
    const after = new Date(at("2026-10-22T18:00:00Z") + minute * 60_000).toISOString();
    const found = slots("*/30 1 25 10 *", "Europe/London", after, 4).map(([instant]) => instant);
    expect([after, ...found]).toEqual([after, ...second]);
  }
});

test("slots years apart are found, and the clock of the year they are in is read", () => {
  expect(slots("30 2 29 2 *", "Europe/Paris", "2026-01-01T00:00:00Z", 2)).toEqual([
    ["2028-02-29T01:30", "2028-02-29T02:30"],
    ["2032-02-29T01:30", "2032-02-29T02:30"],
  ]);
  expect(slots("0 6 29 2 +MON", "America/New_York", "2026-01-01T00:00:00Z", 1)).toEqual([
    ["2044-02-29T11:00", "2044-02-29T06:00"],
  ]);
});
