import { availableParallelism } from "node:os";
import { type Failure, type Job, seedJobs } from "./job-list.ts";
import { type Mutant, mutants } from "./mutants.ts";
import { type BrokenSource, breakSource, findMarks } from "./mutation-marks.ts";
import { runJobs } from "./pool.ts";
import { unitsOf } from "./systematic.ts";

/** How a mutant was found, if it was. */
export interface Hunt {
  readonly mutant: Mutant;
  readonly failure: Failure | undefined;
  /** Runs that it took. */
  readonly schedules: number;
}

/** Paces at which every single fault is tried on a mutant that no seed has found. */
const timings = 10;

/** Breaks the sources in one way after another, and looks for a run that shows it: seeds first, then single faults. */
export async function findMutants(
  { schedules, only = "" }: { readonly schedules: number; readonly only?: string | undefined },
  onHunt: (hunt: Hunt) => void,
): Promise<Hunt[]> {
  const hunts: Hunt[] = [];
  const singles = (await unitsOf(timings)).map((unit): Job => ({ kind: "unit", unit, stride: 0 }));
  const marks = findMarks();
  const queue = mutants.filter(({ name }) => name.includes(only)).values();
  const onThread = async () => {
    for (const mutant of queue) {
      const broken = breakSource(mutant, marks);
      const jobs = [...knownSeed(mutant), ...seedJobs(1, schedules), ...singles];
      const hunt = { mutant, ...(await findFailure(broken, jobs)) };
      hunts.push(hunt);
      onHunt(hunt);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, onThread));
  return hunts;
}

function knownSeed({ seed }: Mutant): Job[] {
  return seed === undefined ? [] : [{ kind: "seeds", from: seed, count: 1, completions: "published" }];
}

async function findFailure(broken: BrokenSource, jobs: readonly Job[]): Promise<Omit<Hunt, "mutant">> {
  let failure: Failure | undefined;
  let runs = 0;
  await runJobs(
    jobs.values(),
    ({ schedules, failures: [first] }) => {
      runs += schedules;
      failure = first;
      return first === undefined;
    },
    { threads: 1, broken },
  );
  return { failure, schedules: runs };
}

/** One line of the table in the README. */
export function mutantRow({ mutant, failure, schedules }: Hunt): string {
  const found = failure ? (failure.seed ?? "single faults") : (mutant.test ?? `not in ${schedules}`);
  return `| ${mutant.name} | ${found} | ${failure?.rule ?? ""} |`;
}
