import { createHash } from "node:crypto";
import { isDone, type Job, type JobConfiguration, type Jobs } from "./jobs.ts";

/** A part of a run, which is one job of BigQuery's. */
export interface RunStep {
  /** Letters that tell the parts of a run apart. */
  readonly name: StepName;
  /** Made when the part is about to begin, from how the part before it ended. */
  configure(run: RunName, before: Job | undefined): Promise<JobConfiguration>;
}

/** `write` is the last part of every run, and in most of them the only one. */
export type StepName = "stage" | "write";
const stepNames: readonly StepName[] = ["stage", "write"];

/** One try at a piece of work, numbered from 0. */
export interface RunName {
  readonly work: string;
  readonly number: number;
}

export interface Work {
  /** The same for the same work. */
  readonly id: string;
  readonly attempt: string;
  readonly parts: readonly RunStep[];
  readonly signal: AbortSignal;
}

export type RunState =
  | { readonly kind: "succeeded"; readonly run: RunName; readonly id: string; readonly job: Job }
  | { readonly kind: "failed"; readonly part: StepName; readonly job: Job }
  | { readonly kind: "running"; readonly job: Job };

interface StartedStep {
  readonly index: number;
  readonly part: RunStep;
  readonly job: Job;
}

/** Work that has been begun is looked at from time to time by whoever asks for it; so little is waited for then. */
const repeatedWaitShare = 0.1;
const attemptLabel = "baton_attempt";

/**
 * Work that is done once, however often and by however many it is asked for. The ids of its jobs follow from the id of the
 * work, and BigQuery takes an id once: whoever comes second finds the job of the first. A job that failed keeps its id, so
 * that the work goes on as the next run; a run is begun only after the one before it has failed, so there is one success.
 */
export class Runs {
  readonly #jobs: Jobs;
  readonly #waitMs: number;
  readonly #deployment: string;

  /** `deployment`: what else runs in the project may call its work the same. */
  constructor(jobs: Jobs, waitMs: number, deployment: string) {
    this.#jobs = jobs;
    this.#waitMs = waitMs;
    this.#deployment = deployment;
  }

  /** Begins the work, or takes it up where it is. */
  async advance(work: Work): Promise<RunState> {
    const attempt = toShortHash(work.attempt);
    for (let number = 0; ; number++) {
      const run = { work: this.#nameOf(work.id), number };
      const state = await this.#advanceRun(run, work, attempt);
      if (state.kind !== "failed" || state.job.configuration.labels[attemptLabel] === attempt) return state;
    }
  }

  /** Cancels what runs of the newest run. */
  async cancel(id: string, signal: AbortSignal): Promise<void> {
    for (let number = 0; ; number++) {
      const run = { work: this.#nameOf(id), number };
      const found = await Promise.all(
        stepNames.map(async (part) => ({ part, job: await this.#jobs.find(deriveJobId(run, part), signal) })),
      );
      if (found.every(({ job }) => job === undefined)) return;
      for (const { part, job } of found)
        if (job && !isDone(job)) await this.#jobs.cancel(deriveJobId(run, part), signal);
    }
  }

  #nameOf(id: string): string {
    return toShortHash(`${this.#deployment} ${id}`);
  }

  async #advanceRun(run: RunName, work: Work, attempt: string): Promise<RunState> {
    const { parts, signal } = work;
    let place = await this.#locate(run, parts, signal);
    const isOurs = place === undefined;
    for (;;) {
      place ??= await this.#begin(run, work, attempt, undefined);
      const { part, index } = place;
      const waitMs = isOurs ? this.#waitMs : this.#waitMs * repeatedWaitShare;
      const id = deriveJobId(run, part.name);
      const job = await this.#jobs.wait(id, place.job, waitMs, signal);
      if (!isDone(job)) return { kind: "running", job };
      if (job.status.errorResult) return { kind: "failed", part: part.name, job };
      if (index === parts.length - 1) return { kind: "succeeded", run, id, job };
      place = await this.#begin(run, work, attempt, { ...place, job });
    }
  }

  /** The newest job of a run. */
  async #locate(
    run: RunName,
    parts: readonly RunStep[],
    signal: AbortSignal,
  ): Promise<StartedStep | undefined> {
    for (const [index, part] of [...parts.entries()].reverse()) {
      const job = await this.#jobs.find(deriveJobId(run, part.name), signal);
      if (job) return { index, part, job };
    }
    return undefined;
  }

  async #begin(
    run: RunName,
    work: Work,
    attempt: string,
    before: StartedStep | undefined,
  ): Promise<StartedStep> {
    const index = before ? before.index + 1 : 0;
    const part = work.parts[index];
    if (!part) throw new Error("a run has no part after its last");
    const configuration = await part.configure(run, before?.job);
    // Whoever cancels the work looks for what was begun before.
    work.signal.throwIfAborted();
    const labels = { [attemptLabel]: attempt };
    const job = await this.#jobs.begin(
      deriveJobId(run, part.name),
      { ...configuration, labels },
      work.signal,
    );
    return { index, part, job };
  }
}

/** The id of the job that is a part of a run. */
export function deriveJobId({ work, number }: RunName, part: StepName): string {
  return `baton_${work}_${number}${part === "stage" ? "_stage" : ""}`;
}

/** Fits into ids, and as a label: those take 63 characters. */
function toShortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 60);
}
