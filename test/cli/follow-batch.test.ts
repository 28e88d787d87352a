import { expect, test } from "vitest";
import { nextPauseMs } from "../../src/app/batch-control.ts";

test("a slow first read, which loads code, does not delay the next one", () => {
  const first = nextPauseMs(undefined, 1_000);
  expect(first).toBe(nextPauseMs(undefined, 0));
  expect(nextPauseMs(first, 1_000)).toBeLessThan(2 * first);
});

test("pauses grow until reads take a small share of the time, up to a limit", () => {
  expect(pausesFor(0).at(-1)).toBe(100);
  expect(pausesFor(50).at(-1)).toBe(1_000);
  expect(pausesFor(500).at(-1)).toBe(2_000);
});

/** The pauses between reads that take equally long. */
function pausesFor(readMs: number): number[] {
  const pauses: number[] = [];
  while (pauses.length < 30) pauses.push(nextPauseMs(pauses.at(-1), readMs));
  return pauses;
}
