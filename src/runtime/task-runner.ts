import { messageOf } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { LogFields, Logger } from "../ports/logger.ts";
import type { Assignment, TaskOutcome, TaskRunner } from "../ports/task-runner.ts";
import { runCode, type TaskCode } from "./code.ts";
import { createContext } from "./context.ts";
import { failureOf } from "./failure.ts";
import { outcomeOf, TaskInterrupted } from "./interruption.ts";
import { storeResult } from "./result.ts";
import { type Services, WaitForCompletion } from "./task-type.ts";

/** Heartbeats per lease: a few may fail before the lease is lost. */
const heartbeatsPerLease = 6;

export interface RunnerDependencies {
  readonly code: TaskCode;
  readonly services: Services;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Run {
  readonly interrupt: (reason: TaskInterrupted) => void;
  readonly ended: Promise<TaskOutcome>;
}

/** Runs attempts in this process: each with its heartbeat, its timeout and its abort signal. */
export class LocalTaskRunner implements TaskRunner {
  readonly #dependencies: RunnerDependencies;
  readonly #runs = new Set<Run>();
  #stopping = false;

  constructor(dependencies: RunnerDependencies) {
    this.#dependencies = dependencies;
  }

  run(assignment: Assignment): Promise<TaskOutcome> {
    if (this.#stopping) return Promise.resolve({ kind: "released" });
    const controller = new AbortController();
    const { promise, resolve } = Promise.withResolvers<TaskOutcome>();
    const run: Run = {
      ended: promise,
      interrupt: (reason) => {
        resolve(outcomeOf(reason));
        controller.abort(reason);
      },
    };
    this.#runs.add(run);
    const stopWatching = this.#watch(assignment, run);
    void this.#runCode(assignment, controller.signal).then(resolve);
    void promise.then(() => {
      stopWatching();
      this.#runs.delete(run);
    });
    return promise;
  }

  /** Lets what runs finish for so long, then gives the rest back. Resolves when nothing runs any more. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const running = [...this.#runs];
    const cancel = this.#dependencies.clock.after(graceMs, () => {
      for (const run of this.#runs)
        run.interrupt(new TaskInterrupted("shutdown", "the process is stopping; another will take over"));
    });
    await Promise.all(running.map((run) => run.ended));
    cancel();
  }

  async #runCode(assignment: Assignment, signal: AbortSignal): Promise<TaskOutcome> {
    const { code, services, logger } = this.#dependencies;
    const labels = labelsOf(assignment);
    try {
      const context = createContext(assignment, services, withLabels(logger, labels), signal);
      const returned = await runCode(code, assignment, context);
      if (returned instanceof WaitForCompletion)
        return { kind: "waiting", timeoutSeconds: returned.timeoutSeconds };
      return { kind: "succeeded", result: await storeResult(() => services.objects, assignment, returned) };
    } catch (thrown) {
      const error = failureOf(thrown);
      if (!signal.aborted)
        logger.warn("attempt failed", { ...labels, code: error.code, error: error.message });
      return { kind: "failed", error };
    }
  }

  #watch(assignment: Assignment, run: Run): () => void {
    const { clock } = this.#dependencies;
    const { timeoutSeconds } = assignment.task;
    const cancelTimeout = clock.after(timeoutSeconds * 1_000, () =>
      run.interrupt(new TaskInterrupted("timeout", `it ran longer than its timeout of ${timeoutSeconds} s`)),
    );
    const stopHeartbeat = this.#keepAlive(assignment, run);
    return () => {
      cancelTimeout();
      stopHeartbeat();
    };
  }

  /** Renews the lease until told to stop; interrupts the run once the lease is lost, or may be. */
  #keepAlive(assignment: Assignment, run: Run): () => void {
    const { clock, logger } = this.#dependencies;
    const leaseMs = assignment.leaseSeconds * 1_000;
    let renewedAt = clock.now();
    let stopped = false;
    let cancelTimer = () => {};
    const lose = () => run.interrupt(new TaskInterrupted("lost_lease", "the claim is no longer ours"));
    const beat = async () => {
      const began = clock.now();
      try {
        if (!(await assignment.renew())) return lose();
        renewedAt = began;
      } catch (error) {
        logger.warn("could not renew a lease", { ...labelsOf(assignment), error: messageOf(error) });
        if (clock.now() - renewedAt > leaseMs) return lose();
      }
      if (!stopped) next();
    };
    const next = () => {
      cancelTimer = clock.after(leaseMs / heartbeatsPerLease, () => void beat());
    };
    next();
    return () => {
      stopped = true;
      cancelTimer();
    };
  }
}

function labelsOf({ batchId, task, attempt }: Assignment): LogFields {
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
