import { expect, test } from "vitest";
import { findMutants } from "./mutant-hunt.ts";
import { mutants } from "./mutants.ts";
import { breakSource, findMarks, problemsOf } from "./mutation-marks.ts";

const marks = findMarks();

test("every mutant has a name of its own", () => {
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

test("every mark exists once and has a mutant, and every mutant has its mark", () => {
  expect([...marks].filter(([, places]) => places.length !== 1)).toEqual([]);
  expect([...marks.keys()].sort()).toEqual([...new Set(mutants.map(({ mark }) => mark))].sort());
});

// Otherwise a mutant might be found only because a renamed identifier throws.
test("every mutant is sound TypeScript", () => {
  const problems = problemsOf(mutants.map((mutant) => breakSource(mutant, marks)));
  expect([...problems].map(([index, texts]) => [mutants[index]?.name, ...texts])).toEqual([]);
});

test("every mutant changes its source", () => {
  for (const mutant of mutants) {
    const [place] = marks.get(mutant.mark) ?? [];
    expect(breakSource(mutant, marks).source).not.toBe(place?.source);
  }
});

// All of them take minutes: npm run simulate -- --mutants. These show that the hunt finds what can be found.
test.each([
  "a redelivered message acknowledges an ended task without passing its ending on",
  "a settle is not fenced",
  "the joins are counted before the commit",
  "a conflict counts as lost without reading back",
  "a claim has no nonce",
  "a callback is created after the settle commit",
])("the simulation finds: %s", async (name) => {
  const [hunt] = await findMutants({ schedules: 2_000, only: name }, () => undefined);
  expect(hunt?.failure).toBeDefined();
});
