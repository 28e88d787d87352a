import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatDuration, parseDurationSeconds } from "../../src/core/values/duration.ts";

test.each([
  ["250ms", 0.25],
  ["30s", 30],
  ["5m", 300],
  ["1.5h", 5_400],
  ["1h30m", 5_400],
  ["1d", 86_400],
  ["1m500ms", 60.5],
  ["0s", 0],
])("%s is %d seconds", (text, seconds) => {
  expect(parseDurationSeconds(text, "")).toBe(seconds);
});

test.each(["", "5", "m", "5 m", "-5m", "5M", "1e3s", "5m,", " 5m", "5m\n", ".5s", "1.s", "5mm"])(
  "%j is not a duration",
  (text) => {
    expect(() => parseDurationSeconds(text, "here")).toThrow(
      expect.objectContaining({ code: "DURATION_INVALID", where: "here" }),
    );
  },
);

test("a sum is the sum of its parts", () => {
  const parts = fc.array(fc.tuple(fc.nat(999), fc.constantFrom("s", "m", "h", "d")), { minLength: 1 });
  const unit = { s: 1, m: 60, h: 3_600, d: 86_400 };
  fc.assert(
    fc.property(parts, (all) => {
      const text = all.map(([amount, name]) => `${amount}${name}`).join("");
      const seconds = all.reduce(
        (sum, [amount, name]) => sum + amount * (unit[name as keyof typeof unit] ?? 0),
        0,
      );
      expect(parseDurationSeconds(text, "")).toBe(seconds);
    }),
  );
});

test.each([
  [0, "0 ms"],
  [850, "850 ms"],
  [12_340, "12.3 s"],
  [245_000, "4 m 05 s"],
  [3_600_000, "1 h 00 m"],
  [5_400_000, "1 h 30 m"],
])("%d ms reads %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

test("never reads 60 of what 60 of make one of the next", () => {
  fc.assert(
    fc.property(fc.nat(100 * 3_600_000), (milliseconds) => {
      expect(formatDuration(milliseconds)).not.toMatch(/\b(1000 ms|60\.0 s|60 s|60 m)\b/);
    }),
    { examples: [[59_960], [59_999], [999.6], [3_599_999]], numRuns: 1_000 },
  );
});
