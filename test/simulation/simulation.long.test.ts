import { expect, test } from "vitest";
import { expectFaultsHold, expectSeedsHold } from "./command.ts";
import { findMutants } from "./mutant-hunt.ts";

/** As many as make it likely that every rule is broken when its guard is removed. */
const schedules = 20_000;

test("no schedule of the seeds of today breaks a promise", () => expectSeedsHold(schedules));

test("no single fault at any call of the small graphs breaks one, nor any of a part of the pairs", () =>
  expectFaultsHold(40, 2));

test("the simulation finds every mutant, but for those that have a test of their own", async () => {
  const hunts = await findMutants({ schedules }, () => undefined);
  const notFound = hunts.filter(({ failure, mutant }) => failure === undefined && mutant.test === undefined);
  expect(notFound.map(({ mutant }) => mutant.name)).toEqual([]);
});
