import { debugStack, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { toStoredError } from "../core/records.ts";
import { withPause } from "../core/retry.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { Clock, Ids, Secrets } from "../ports/machine.ts";
import type { Assignment, CancelledTask, KeyedCall, TaskOutcome, TaskRunner } from "../ports/task-runner.ts";
import type { LogFields, Logger } from "../ports/telemetry.ts";
import { createContext, createTaskCallback, NoteTaker } from "./context.ts";
import {
  type CurrentRun,
  outsideRun,
  TaskInterrupted,
  TaskTimer,
  toOutcome,
  withRun,
} from "./current-run.ts";
import { createSteps } from "./step-api.ts";
import { cancelBuiltIn, parseReturned, runCode, runKeyFunction, type TaskCode } from "./task-code.ts";
import { type Services, WaitForCompletion } from "./task-type.ts";

export interface RunnerDependencies {
  readonly code: TaskCode;
  readonly services: Services;
  readonly callbacks: CallbackSender;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Longest time an attempt may run in this process, whatever its task's timeout is. Default: no limit. */
  readonly attemptSeconds?: number | undefined;
}

interface Run {
  readonly interrupt: (reason: TaskInterrupted) => void;
  readonly ended: Promise<TaskOutcome>;
  readonly time: TaskTimer;
  readonly notes: NoteTaker;
  /** Rejected promises that the task's code has not awaited, with their reasons. */
  readonly unawaited: Map<Promise<unknown>, unknown>;
}

/** Runs attempts in this process, each with its heartbeat, timeout and abort signal. */
export class LocalTaskRunner implements TaskRunner {
  readonly #dependencies: RunnerDependencies;
  readonly #runs = new Set<Run>();
  /** The running code of tasks. It may continue for a while after its run has ended. */
  readonly #code = new Map<string, Promise<unknown>>();
  #stopping = false;

  constructor(dependencies: RunnerDependencies) {
    this.#dependencies = dependencies;
  }

  run(assignment: Assignment): Promise<TaskOutcome> {
    if (this.#stopping) return Promise.resolve({ kind: "released" });
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<TaskOutcome>();
    const interrupt = (reason: TaskInterrupted) => {
      resolve(toOutcome(reason));
      // mutation: interruption-aborts-the-signal
      controller.abort(reason);
    };
    const { timeoutSeconds } = assignment.task;
    const time = new TaskTimer(this.#dependencies.clock, timeoutSeconds * 1_000, () =>
      interrupt(new TaskInterrupted("timeout", `it ran longer than its timeout of ${timeoutSeconds} s`)),
    );
    const notes = new NoteTaker(controller.signal);
    const run: Run = { ended: promise, interrupt, time, notes, unawaited: new Map() };
    const finish = (outcome: TaskOutcome) => {
      if (run.unawaited.size === 0) return resolve(outcome);
      // Node reports at the end of the turn that a rejected promise was awaited after all.
      this.#dependencies.clock.after(0, () => resolve(withUnawaited(run, outcome)));
    };
    this.#runs.add(run);
    const stopTimers = this.#startTimers(assignment, run);
    const name = runKey(assignment);
    const code = withRun(this.#currentRun(assignment, run), () =>
      this.#runCode(assignment, controller.signal, notes, finish),
    );
    this.#code.set(name, code);
    void code.then((outcome) => {
      finish(outcome);
      if (this.#code.get(name) === code) this.#code.delete(name);
    });
    void promise.then(() => {
      stopTimers();
      this.#runs.delete(run);
    });
    return promise;
  }

  customKey(call: KeyedCall): Promise<string> {
    return runKeyFunction(this.#dependencies.code, call);
  }

  async cancel(cancelled: CancelledTask): Promise<void> {
    const { code, services, logger, clock } = this.#dependencies;
    const running = this.#code.get(runKey(cancelled));
    const timeout = Promise.withResolvers<void>();
    const cancelTimeout = clock.after(limits.abortedCodeSeconds * 1_000, timeout.resolve);
    // The code may be about to start its remote job, which could not be found before.
    if (running) await Promise.race([running, timeout.promise]);
    cancelTimeout();
    await cancelBuiltIn(code, services, logger, cancelled);
  }

  /** Lets attempts finish for `graceMs`, then releases the others. Resolves when all have ended. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const running = [...this.#runs];
    const cancel = this.#dependencies.clock.after(graceMs, () => {
      for (const run of this.#runs)
        run.interrupt(
          new TaskInterrupted("shutdown", "the process is stopping; another one will run the task"),
        );
    });
    await Promise.all(running.map((run) => run.ended));
    cancel();
  }

  /** `park` ends the run of a task that waits; its code never continues. */
  async #runCode(
    original: Assignment,
    signal: AbortSignal,
    notes: NoteTaker,
    park: (outcome: TaskOutcome) => void,
  ): Promise<TaskOutcome> {
    const { code, services, secrets, ids, clock, logger: baseLogger } = this.#dependencies;
    const assignment = { ...original, ...outsideRun(original) };
    const logger = withLabels(baseLogger, runLabels(assignment));
    try {
      const step = createSteps(assignment.memory, clock, signal, park);
      const callback = createTaskCallback({ ...this.#dependencies, logger }, assignment.callback, signal);
      const context = createContext(assignment, services, logger, { signal, notes, step, callback });
      const returned = await runCode(code, assignment, context, { secrets, ids });
      if (returned instanceof WaitForCompletion)
        return { kind: "parked", reason: "completion", seconds: returned.timeoutSeconds };
      return { kind: "succeeded", ...parseReturned(returned), notes: notes.notes };
    } catch (thrown) {
      const failed = withPause(toStoredError(thrown), thrown);
      const { code, message } = failed.error;
      if (!signal.aborted)
        logger.warn("attempt failed", { code, error: message, stack_trace: debugStack(thrown) });
      return { kind: "failed", ...failed, notes: notes.notes };
    }
  }

  #startTimers(assignment: Assignment, run: Run): () => void {
    const cancelLimit = this.#startAttemptLimit(run);
    const stopHeartbeat = this.#startHeartbeat(assignment, run);
    return () => {
      run.time.end();
      cancelLimit();
      stopHeartbeat();
    };
  }

  /** The limit of the process counts all time, because the platform ends the process whatever a task waits for. */
  #startAttemptLimit(run: Run): () => void {
    const { clock, attemptSeconds } = this.#dependencies;
    if (attemptSeconds === undefined) return () => undefined;
    const problem = `it ran longer than ${attemptSeconds} s, the limit of this process for an attempt, whatever its timeout`;
    return clock.after(attemptSeconds * 1_000, () => run.interrupt(new TaskInterrupted("timeout", problem)));
  }

  /** Connects the task's code, and errors that it does not catch, with its run. */
  #currentRun(assignment: Assignment, run: Run): CurrentRun {
    const labels = runLabels(assignment);
    return {
      labels,
      requestTurn: () => run.time.requestTurn(),
      onException: (thrown) => {
        if (!this.#runs.has(run)) return false;
        this.#logUnhandled(labels, thrown);
        run.interrupt(new TaskInterrupted("uncaught_error", errorMessage(thrown), thrown));
        return true;
      },
      onRejection: (promise, reason) => {
        if (!this.#runs.has(run)) return false;
        this.#logUnhandled(labels, reason);
        run.unawaited.set(promise, reason);
        return true;
      },
      onHandled: (promise) => void run.unawaited.delete(promise),
    };
  }

  #logUnhandled(labels: LogFields, thrown: unknown): void {
    this.#dependencies.logger.warn("a task's code does not await or catch an error", {
      ...labels,
      error: errorMessage(thrown),
      stack_trace: debugStack(thrown),
    });
  }

  /** Renews the lease until the run has ended. Interrupts the run when the lease is lost or may have expired. */
  #startHeartbeat(assignment: Assignment, run: Run): () => void {
    const { clock, logger } = this.#dependencies;
    const leaseMs = assignment.leaseSeconds * 1_000;
    let renewedAt = clock.monotonicMs();
    let stopped = false;
    let cancelTimer = () => {};
    const interruptRun = () =>
      run.interrupt(new TaskInterrupted("lost_lease", "the claim is no longer ours"));
    const sendHeartbeat = async () => {
      const startedAt = clock.monotonicMs();
      try {
        if (!(await assignment.renew())) return interruptRun();
        renewedAt = startedAt;
      } catch (error) {
        logger.warn("could not renew a lease", { ...runLabels(assignment), error: errorMessage(error) });
        if (clock.monotonicMs() - renewedAt > leaseMs) return interruptRun();
      }
      if (!stopped) scheduleNext();
    };
    const scheduleNext = () => {
      const intervalMs = Math.min(leaseMs / limits.heartbeatsPerLease, limits.heartbeatSeconds * 1_000);
      cancelTimer = clock.after(intervalMs, () => void sendHeartbeat());
    };
    scheduleNext();
    return () => {
      stopped = true;
      cancelTimer();
    };
  }
}

/** Notes rejected promises that the code did not await as warnings in the TaskLog. */
function withUnawaited({ notes, unawaited }: Run, outcome: TaskOutcome): TaskOutcome {
  if (outcome.kind !== "succeeded" && outcome.kind !== "failed") return outcome;
  for (const reason of unawaited.values())
    notes.warn(`A promise that the task does not await was rejected: ${errorMessage(reason)}`);
  return { ...outcome, notes: notes.notes };
}

function runKey({ batchId, task }: Pick<Assignment, "batchId" | "task">): string {
  return `${batchId}/${task.id}`;
}

function runLabels({ batchId, task, attempt }: Assignment): LogFields {
  return { batchId, taskId: task.id, attempt };
}

function withLabels(logger: Logger, labels: LogFields): Logger {
  return {
    debug: (message, fields) => logger.debug(message, { ...labels, ...fields }),
    info: (message, fields) => logger.info(message, { ...labels, ...fields }),
    warn: (message, fields) => logger.warn(message, { ...labels, ...fields }),
    error: (message, fields) => logger.error(message, { ...labels, ...fields }),
  };
}
