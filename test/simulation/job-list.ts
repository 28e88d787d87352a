import type { CompletionMode } from "../../src/core/messages.ts";
import type { Unit } from "./systematic.ts";

/** What a thread is asked to do. */
export type Job =
  | {
      readonly kind: "seeds";
      readonly from: number;
      readonly count: number;
      /** In place of the seed's own setting. */
      readonly completions?: CompletionMode | undefined;
    }
  | { readonly kind: "unit"; readonly unit: Unit; readonly stride: number };

/** What came of it. */
export interface Report {
  readonly schedules: number;
  readonly events: number;
  readonly failures: readonly Failure[];
}

export interface Failure {
  /** How to see it again: the options of the command. */
  readonly replay: string;
  readonly seed?: number | undefined;
  readonly rule: string;
  readonly what: string;
}

const seedsPerJob = 100;

export function seedJobs(from: number, schedules: number): Job[] {
  const jobs: Job[] = [];
  for (let start = from; start < from + schedules; start += seedsPerJob)
    jobs.push({ kind: "seeds", from: start, count: Math.min(seedsPerJob, from + schedules - start) });
  return jobs;
}
