import { expect, test } from "vitest";
import { expectFaultsHold, expectSeedsHold, simulateCommand } from "./command.ts";
import { scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";

// More seeds and pairs are in simulation.long.test.ts.
test("no schedule of the seeds of today breaks a promise", () => expectSeedsHold(1_500));

test("no single fault at any call of the small graphs breaks one, nor any of a part of the pairs", () =>
  expectFaultsHold(200, 1));

test("a seed is the same run every time, to the last line of its trace", async () => {
  const traced = (seed: number) => simulate(scenarioOf(seed, {}, true));
  for (let seed = 1; seed <= 15; seed++) {
    const first = await traced(seed);
    expect({ seed, ...(await traced(seed)) }).toEqual({ seed, ...first });
  }
});

test("a seed is shown as a trace that a person can read", async () => {
  const { code, output } = await simulateCommand("--seed", "2");
  expect(code).toBe(0);
  expect(output).toMatch(/0\.000 s {2}p1\.1 starts/);
  expect(output).toContain("Nothing was violated");
});

test("wrong options are refused with help, not with a stack trace", async () => {
  expect((await simulateCommand("--schedules", "many")).code).toBe(2);
  expect((await simulateCommand("--case", "{}")).code).toBe(2);
  expect((await simulateCommand("--nonsense")).code).toBe(2);
});
