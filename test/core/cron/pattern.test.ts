import { expect, test } from "vitest";
import { parsePattern, patternProblem } from "../../../src/core/schedule/pattern.ts";
import { slotsAfter } from "../../../src/core/schedule/slots.ts";

/** The days, or times of a day, of a pattern from the beginning of 2026 on, in UTC. */
function first(cron: string, count: number): string[] {
  const found: string[] = [];
  for (const { instant } of slotsAfter(parsePattern(cron), "UTC", Date.UTC(2026, 0, 1) - 1)) {
    found.push(new Date(instant).toISOString().slice(5, 16).replace("T", " "));
    if (found.length === count) break;
  }
  return found;
}

test.each([
  ["59 23 * * *", ["01-01 23:59", "01-02 23:59"]],
  ["  5,10   6-7\t* * * ", ["01-01 06:05", "01-01 06:10", "01-01 07:05"]],
  ["00 06 01 01 *", ["01-01 06:00", "01-01 06:00"]],
  ["*/45 0 * * *", ["01-01 00:00", "01-01 00:45", "01-02 00:00"]],
  ["5-59/25 0 * * *", ["01-01 00:05", "01-01 00:30", "01-01 00:55"]],
  ["0 0 1 JAN-Mar/2,dec *", ["01-01 00:00", "03-01 00:00", "12-01 00:00"]],
  ["0 0 ? * MON", ["01-05 00:00", "01-12 00:00"]],
  ["0 0 * * 7", ["01-04 00:00", "01-11 00:00"]],
  ["0 0 * * 0", ["01-04 00:00", "01-11 00:00"]],
  ["0 0 * * sat-sun", ["01-03 00:00", "01-04 00:00", "01-10 00:00"]],
  ["0 0 * * FRI-7", ["01-02 00:00", "01-03 00:00", "01-04 00:00", "01-09 00:00"]],
  ["0 0 * * */2", ["01-01 00:00", "01-03 00:00", "01-04 00:00", "01-06 00:00"]],
  ["0 0 L * *", ["01-31 00:00", "02-28 00:00", "03-31 00:00"]],
  ["0 0 1,L * *", ["01-01 00:00", "01-31 00:00", "02-01 00:00"]],
  ["0 0 LW * *", ["01-30 00:00", "02-27 00:00", "03-31 00:00"]],
  ["0 0 1W,15W,31w * *", ["01-01 00:00", "01-15 00:00", "01-30 00:00", "02-02 00:00", "02-16 00:00"]],
  ["0 0 28W 2 *", ["02-27 00:00", "02-26 00:00"]],
  ["0 0 * * MON#1,FRI#L", ["01-05 00:00", "01-30 00:00", "02-02 00:00", "02-27 00:00"]],
  ["0 0 * * 5L", ["01-30 00:00", "02-27 00:00"]],
  ["0 0 * * 1-3#5", ["03-30 00:00", "03-31 00:00", "04-29 00:00"]],
  ["@hourly", ["01-01 00:00", "01-01 01:00"]],
  ["@Daily", ["01-01 00:00", "01-02 00:00"]],
  ["@midnight", ["01-01 00:00", "01-02 00:00"]],
  ["@weekly", ["01-04 00:00", "01-11 00:00"]],
  ["@monthly", ["01-01 00:00", "02-01 00:00"]],
  ["@yearly", ["01-01 00:00", "01-01 00:00"]],
  ["@annually", ["01-01 00:00", "01-01 00:00"]],
] as const)("%s comes at %j", (cron, expected) => {
  expect(first(cron, expected.length)).toEqual(expected);
});

test("a day fits when one of the day fields has it; when one of them is *, or with +, both have to", () => {
  expect(first("0 0 13 * FRI", 4)).toEqual(["01-02 00:00", "01-09 00:00", "01-13 00:00", "01-16 00:00"]);
  expect(first("0 0 13 * +FRI", 3)).toEqual(["02-13 00:00", "03-13 00:00", "11-13 00:00"]);
  expect(first("0 0 1-7 * +MON", 2)).toEqual(["01-05 00:00", "02-02 00:00"]);
  expect(first("0 0 * * FRI", 2)).toEqual(["01-02 00:00", "01-09 00:00"]);
  // A step is no *: as in Kubernetes, and unlike in Vixie cron.
  expect(first("0 0 */10 * FRI", 4)).toEqual(["01-01 00:00", "01-02 00:00", "01-09 00:00", "01-11 00:00"]);
});

test.each([
  ["60 * * * *", 'minute "60": 60 is out of range; use 0-59; the full hour is 0'],
  ["0 24 * * *", 'hour "24": 24 is out of range; use 0-23; midnight is 0'],
  ["0 0 32 * *", 'day of month "32": 32 is out of range; use 1-31'],
  ["0 0 0 * *", 'day of month "0": 0 is out of range; use 1-31'],
  ["0 0 * 13 *", 'month "13": 13 is out of range; use 1-12 or JAN-DEC'],
  ["0 0 * 0 *", 'month "0": 0 is out of range; use 1-12 or JAN-DEC'],
  ["0 0 * * 8", 'day of week "8": 8 is out of range; use 0-7 (0 and 7 are Sunday) or SUN-SAT'],
  ["0 0 1-40 * *", 'day of month "1-40": 40 is out of range; use 1-31'],
  ["-5 * * * *", 'minute "-5": a number is missing; use 0-59'],
  ["1.5 * * * *", 'minute "1.5": "1.5" is not a value of this field; use 0-59'],
  ["0 0 * MON *", 'month "MON": "MON" is not a value of this field; use 1-12 or JAN-DEC'],
  ["0 0 * january *", 'month "january": names have three letters; use 1-12 or JAN-DEC'],
  ["0 22-2 * * *", 'hour "22-2": the range goes backwards; write it as two, 22-23,0-2'],
  ["0 0 * * FRI-MON", 'day of week "FRI-MON": the range goes backwards; write it as two, FRI-7,0-MON'],
  ["1-2-3 * * * *", 'minute "1-2-3": a range has two ends, such as 1-5'],
  ["1,,2 * * * *", 'minute "1,,2": a comma has nothing on one side; remove it'],
  ["5/15 * * * *", 'minute "5/15": a step needs a range; write 5-59/15'],
  ["*/0 * * * *", 'minute "*/0": the step after / has to be a number from 1 to 60'],
  ["0 */25 * * *", 'hour "*/25": the step after / has to be a number from 1 to 24'],
  ["*/x * * * *", 'minute "*/x": the step after / has to be a number from 1 to 60'],
  ["*/5/2 * * * *", 'minute "*/5/2": it has two steps; write one / only'],
  ["H * * * *", 'minute "H": H, as in Jenkins, is not known; use 0-59'],
  ["0~30 * * * *", 'minute "0~30": random times, as in 0~30, are not known; use 0-59'],
  ["0 5L * * *", 'hour "5L": 5L has no meaning in this field; use 0-23'],
  ["0 0 L-3 * *", 'day of month "L-3": days before the last one are not known; L alone is the last day'],
  ["0 0 1-5W * *", 'day of month "1-5W": W comes after one day, such as 15W, or after L: LW'],
  ["0 0 * * L", 'day of week "L": say which day; the last Friday of the month is FRI#L'],
  [
    "0 0 * * 15W",
    'day of week "15W": 15W has no meaning in this field; use 0-7 (0 and 7 are Sunday) or SUN-SAT',
  ],
  [
    "0 0 * * FRI#6",
    'day of week "FRI#6": write a day, # and 1 to 5 or L: MON#1 is the first Monday of the month',
  ],
  [
    "0 0 * * *#1",
    'day of week "*#1": write a day, # and 1 to 5 or L: MON#1 is the first Monday of the month',
  ],
  ["0 0 13 * +", 'day of week "+": write the days after +, such as +FRI'],
  ["0 0 +1 * *", 'day of month "+1": + is allowed only before the whole day of week; use 1-31'],
  ["0 6 31 2 *", "there is no such time in any year"],
  ["0 6 31W 4 *", "there is no such time in any year"],
  ["@every 5m", "@every is not known; write times of the clock, such as */5 * * * *"],
  ["@reboot", "@reboot is no time of a clock; start the batch by a message instead"],
  [
    "@dayly",
    "there is no name @dayly; there are @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually",
  ],
  ["CRON_TZ=UTC 0 6 * * *", "the time zone is not part of the pattern; write it as timeZone of the schedule"],
] as const)("%s is refused, with what to write instead", (cron, problem) => {
  expect(patternProblem(cron)).toBe(problem);
});

test.each([
  ["", "it has 0 parts, not 5; write minute,"],
  ["daily", "it has 1 part, not 5; write minute,"],
  ["0 6 * *", "it has 4 parts, not 5; write minute,"],
  [
    "0 0 6 * * *",
    "it has 6 parts, not 5; leave out the seconds (or the year), slots are whole minutes: minute,",
  ],
  ["0 0 6 * * * 2026", "it has 7 parts, not 5; leave out the seconds and the year: minute,"],
])("%j is refused by its count of parts", (cron, problem) => {
  expect(patternProblem(cron)?.startsWith(problem)).toBe(true);
});
