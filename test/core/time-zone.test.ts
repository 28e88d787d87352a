import { expect, test } from "vitest";
import { hasClock, timeZoneProblem } from "../../src/core/schedule/slots.ts";

test("names of the IANA database are time zones, old ones and those without a place too", () => {
  for (const timeZone of [...Intl.supportedValuesOf("timeZone"), "UTC", "GMT", "GMT+0", "GMT0", "EST", "CET"])
    expect([timeZone, timeZoneProblem(timeZone)]).toEqual([timeZone, undefined]);
  for (const timeZone of ["Etc/GMT+2", "Etc/UTC", "Zulu", "US/Pacific", "Asia/Calcutta", "Asia/Kolkata"])
    expect([timeZone, timeZoneProblem(timeZone)]).toEqual([timeZone, undefined]);
});

const instead = 'write an IANA name, such as "Europe/Paris" or "UTC"';

test.each([
  ["+02:00", `is an offset, not a time zone; ${instead}; the same offset all year is "Etc/GMT-2"`],
  ["-0800", `is an offset, not a time zone; ${instead}; the same offset all year is "Etc/GMT+8"`],
  ["+00", `is an offset, not a time zone; ${instead}; the same offset all year is "UTC"`],
  ["UTC+2", `is an offset, not a time zone; ${instead}; the same offset all year is "Etc/GMT-2"`],
  ["+05:30", `is an offset, not a time zone; ${instead}`],
  ["PST", `is an abbreviation, which more than one time zone has; ${instead}`],
  ["ist", `is an abbreviation, which more than one time zone has; ${instead}`],
  ["SystemV/PST8", `is not a time zone; ${instead}`],
  ["Europe/Pariss", `is not a time zone; ${instead}`],
  ["local", `is not a time zone; ${instead}`],
  ["", `is not a time zone; ${instead}`],
])("%j is refused", (timeZone, problem) => {
  expect(timeZoneProblem(timeZone)).toBe(`${JSON.stringify(timeZone)} ${problem}`);
});

test("a clock that an older version took can still be read: definitions that are stored name it", () => {
  expect(hasClock("+02:00")).toBe(true);
  expect(hasClock("")).toBe(false);
  expect(hasClock("Europe/Pariss")).toBe(false);
});
