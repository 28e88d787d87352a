import { expect, test } from "vitest";
import { casesOfToday } from "../support/cases-of-today.ts";
import { findings } from "./findings.ts";
import type { Failure } from "./job-list.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { breakSource } from "./mutation-marks.ts";
import { runJobs } from "./pool.ts";

/** They were found when completions were published. */
const one = { kind: "seeds", count: 1, completions: "published" } as const;

async function failuresOf(seeds: readonly number[], mutant?: Mutant): Promise<Failure[]> {
  const failures: Failure[] = [];
  const options = mutant ? { threads: 1, broken: breakSource(mutant) } : { threads: 1 };
  const jobs = seeds.map((seed) => ({ ...one, from: seed }));
  await runJobs(jobs.values(), (report) => failures.push(...report.failures) === 0, options);
  return failures;
}

test("all that was found is fixed", async () => {
  expect(await failuresOf(findings.map(({ seed }) => seed))).toEqual([]);
});

// They guard the simulation itself: some of them each day.
test.each(casesOfToday(findings, 5))(
  "seed $seed would find it again: $mutant",
  async ({ mutant: name, seed }) => {
    const mutant = mutants.find((known) => known.name === name);
    expect(mutant).toBeDefined();
    expect(await failuresOf([seed], mutant)).not.toEqual([]);
  },
);
