import { expect, test } from "vitest";
import { isInspectionDue } from "../../src/core/sweep.ts";

const minute = 60_000;

/** The sweeps, one a minute, that inspect a batch of this age during `minutes`. */
function inspections(id: string, ageMinutes: number, minutes: number): number[] {
  return Array.from({ length: minutes }, (_, pass) => pass).filter((pass) =>
    isInspectionDue({ id, ageMs: ageMinutes * minute, now: (1_000_000 + pass) * minute, passSeconds: 60 }),
  );
}

test("where reads are free, every sweep inspects every batch", () => {
  expect(isInspectionDue({ id: "b", ageMs: 1e12, now: 12_345, passSeconds: undefined })).toBe(true);
});

test("a young batch is inspected by every sweep", () => {
  expect(inspections("b", 5, 60)).toHaveLength(60);
});

test("on average, a batch of an hour is inspected every six minutes, one of days every quarter of an hour", () => {
  const average = (ageMinutes: number) => {
    const minutes = 200;
    const counts = Array.from(
      { length: 50 },
      (_, index) => inspections(`b${index}`, ageMinutes, minutes).length,
    );
    return (50 * minutes) / counts.reduce((sum, count) => sum + count, 0);
  };
  expect(average(60)).toBeCloseTo(6, 0);
  expect(average(30 * 24 * 60)).toBeGreaterThan(13);
  expect(average(30 * 24 * 60)).toBeLessThan(17);
});

test.each([1, 2, 3, 5, 15, 60])("no batch is left out, with a pass every minute or every %i", (every) => {
  for (let index = 0; index < 50; index += 1) {
    const passes = Array.from({ length: 300 }, (_, pass) => (1_000_000 + pass * every) * minute);
    const isSeen = passes.some((now) =>
      isInspectionDue({ id: `b${index}`, ageMs: 1e12, now, passSeconds: 60 }),
    );
    expect(isSeen).toBe(true);
  }
});
