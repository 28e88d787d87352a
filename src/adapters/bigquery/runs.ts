import { createHash } from "node:crypto";
import { isDone, type Job, type JobRequest, type Jobs } from "./jobs.ts";

/** One job of BigQuery within a run. */
export interface RunPhase {
  readonly name: PhaseName;
  /** Called right before the phase starts. `before` is the finished job of the phase before. */
  configure(run: RunName, before: Job | undefined): Promise<JobRequest>;
}

/** `write` is the last phase of every run, and usually the only one. */
export type PhaseName = "stage" | "write";
const phaseNames: readonly PhaseName[] = ["stage", "write"];

/** One try at a piece of work, numbered from 0. */
export interface RunName {
  readonly work: string;
  readonly number: number;
}

export interface RunRequest {
  /** Identifies the work: two requests with the same id share its jobs. */
  readonly id: string;
  readonly attempt: string;
  readonly phases: readonly RunPhase[];
  readonly signal: AbortSignal;
}

export type RunState =
  | { readonly kind: "succeeded"; readonly run: RunName; readonly id: string; readonly job: Job }
  | { readonly kind: "failed"; readonly phase: PhaseName; readonly job: Job }
  | { readonly kind: "running"; readonly job: Job };

interface StartedPhase {
  readonly index: number;
  readonly phase: RunPhase;
  readonly job: Job;
}

/** A caller that finds a running job waits only for this share of the time: it polls again later anyway. */
const repeatedWaitShare = 0.1;
const attemptLabel = "baton_attempt";

/**
 * Runs a piece of work exactly once, however many callers request it. Job ids follow from the id of the work, and
 * BigQuery accepts each id once, so a second caller finds the job of the first. A failed job keeps its id, so the next
 * attempt starts a run with the next number. A run starts only after the one before it has failed, so only one
 * succeeds.
 */
export class Runs {
  readonly #jobs: Jobs;
  readonly #waitMs: number;
  readonly #deployment: string;

  /** `deployment` keeps the jobs of two deployments in one project apart. */
  constructor(jobs: Jobs, waitMs: number, deployment: string) {
    this.#jobs = jobs;
    this.#waitMs = waitMs;
    this.#deployment = deployment;
  }

  /** Starts the work or continues it. A run that failed in an earlier attempt is followed by a new one. */
  async advance(request: RunRequest): Promise<RunState> {
    const attempt = toShortHash(request.attempt);
    for (let number = 0; ; number++) {
      const run = { work: this.#workKey(request.id), number };
      const state = await this.#advanceRun(run, request, attempt);
      if (state.kind !== "failed" || state.job.configuration.labels[attemptLabel] === attempt) return state;
    }
  }

  /** Cancels the running jobs of the work. */
  async cancel(id: string, signal: AbortSignal): Promise<void> {
    for (let number = 0; ; number++) {
      const run = { work: this.#workKey(id), number };
      const jobs = await Promise.all(
        phaseNames.map(async (phase) => ({
          phase,
          job: await this.#jobs.find(deriveJobId(run, phase), signal),
        })),
      );
      if (jobs.every(({ job }) => job === undefined)) return;
      for (const { phase, job } of jobs)
        if (job && !isDone(job)) await this.#jobs.cancel(deriveJobId(run, phase), signal);
    }
  }

  #workKey(id: string): string {
    return toShortHash(`${this.#deployment} ${id}`);
  }

  async #advanceRun(run: RunName, request: RunRequest, attempt: string): Promise<RunState> {
    const { phases, signal } = request;
    let current = await this.#findNewestPhase(run, phases, signal);
    const isOurs = current === undefined;
    for (;;) {
      current ??= await this.#startPhase(run, request, attempt, undefined);
      const { phase, index } = current;
      const waitMs = isOurs ? this.#waitMs : this.#waitMs * repeatedWaitShare;
      const id = deriveJobId(run, phase.name);
      const job = await this.#jobs.wait(id, current.job, waitMs, signal);
      if (!isDone(job)) return { kind: "running", job };
      if (job.status.errorResult) return { kind: "failed", phase: phase.name, job };
      if (index === phases.length - 1) return { kind: "succeeded", run, id, job };
      current = await this.#startPhase(run, request, attempt, { ...current, job });
    }
  }

  async #findNewestPhase(
    run: RunName,
    phases: readonly RunPhase[],
    signal: AbortSignal,
  ): Promise<StartedPhase | undefined> {
    for (const [index, phase] of [...phases.entries()].reverse()) {
      const job = await this.#jobs.find(deriveJobId(run, phase.name), signal);
      if (job) return { index, phase, job };
    }
    return undefined;
  }

  async #startPhase(
    run: RunName,
    request: RunRequest,
    attempt: string,
    before: StartedPhase | undefined,
  ): Promise<StartedPhase> {
    const index = before ? before.index + 1 : 0;
    const phase = request.phases[index];
    if (!phase) throw new Error("a run has no phase after its last");
    const { labels, ...job } = await phase.configure(run, before?.job);
    // A canceller finds only jobs that have been started, so none may start after the cancel.
    request.signal.throwIfAborted();
    const allLabels = { ...labels, [attemptLabel]: attempt };
    const id = deriveJobId(run, phase.name);
    const started = await this.#jobs.start(id, { ...job, labels: allLabels }, request.signal);
    return { index, phase, job: started };
  }
}

/** The id of a phase's job. */
export function deriveJobId({ work, number }: RunName, phase: PhaseName): string {
  return `baton_${work}_${number}${phase === "stage" ? "_stage" : ""}`;
}

/** Short enough for a label, which has at most 63 characters. */
function toShortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 60);
}
