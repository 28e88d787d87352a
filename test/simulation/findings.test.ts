import { expect, test } from "vitest";
import { findings } from "./findings.ts";
import type { Failure } from "./job-list.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { breakSource } from "./mutation-marks.ts";
import { runJobs } from "./pool.ts";

async function failuresOf(seed: number, mutant?: Mutant): Promise<Failure[]> {
  const failures: Failure[] = [];
  const options = mutant ? { threads: 1, broken: breakSource(mutant) } : { threads: 1 };
  const jobs = [{ kind: "seeds", from: seed, count: 1 } as const];
  await runJobs(jobs.values(), (report) => failures.push(...report.failures) === 0, options);
  return failures;
}

test.each(findings)(
  "found by seed $seed, and fixed: $mutant",
  { timeout: 120_000 },
  async ({ mutant: name, seed }) => {
    const mutant = mutants.find((known) => known.name === name);
    expect(mutant).toBeDefined();
    expect(await failuresOf(seed, mutant)).not.toEqual([]);
    expect(await failuresOf(seed)).toEqual([]);
  },
);
