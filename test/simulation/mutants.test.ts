import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
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

test("the test that replaces a seed exists", () => {
  for (const { test: named } of mutants) {
    if (named === undefined) continue;
    const [file = "", title = ""] = named.split(": ");
    expect(readFileSync(new URL(`../${file}`, import.meta.url), "utf8")).toContain(`"${title}"`);
  }
});

test("the table of the README says for every mutant what finds it", () => {
  const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");
  const rows = [...readme.matchAll(/^\| (.*?) \| `?([^`|]*)`? \|/gm)];
  const found = new Map(rows.map(([, name = "", by = ""]) => [name, by]));
  expect(mutants.filter(({ name }) => !found.has(name)).map(({ name }) => name)).toEqual([]);
  for (const { name, test: named } of mutants)
    if (named !== undefined) expect(found.get(name)).toBe(named.split(": ")[0]);
});

test("every mutant changes its source", () => {
  for (const mutant of mutants) {
    const [place] = marks.get(mutant.mark) ?? [];
    expect(breakSource(mutant, marks).source).not.toBe(place?.source);
  }
});
