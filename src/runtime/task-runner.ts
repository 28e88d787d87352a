import { debugStack, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { toStoredError } from "../core/records.ts";
import { withPause } from "../core/retry.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { Clock, Ids, Secrets } from "../ports/machine.ts";
import type {
  Assignment,
  CancelledTask,
  KeyedCall,
  TaskOutcome,
  TaskRunner,
  Turn,
} from "../ports/task-runner.ts";
import type { LogFields, Logger } from "../ports/telemetry.ts";
import { createContext, createTaskCallback, NoteTaker, withLabels } from "./context.ts";
import { type CurrentRun, TaskInterrupted, toOutcome, withRun } from "./current-run.ts";
import { createSteps } from "./step-api.ts";
import { cancelBuiltIn, parseReturned, runCode, runKeyFunction, type TaskCode } from "./task-code.ts";
import { type Services, WaitForCompletion } from "./task-type.ts";
import { ActiveSet, SharedTimer, TaskTimer } from "./timers.ts";

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

/** The code of one attempt. It is all that is kept when the attempt has ended and its code has not. */
class RunningCode {
  position = -1;
  readonly #batchId: string;
  readonly #taskId: string;
  ended: Promise<void> | undefined;

  constructor({ batchId, task }: Assignment) {
    this.#batchId = batchId;
    this.#taskId = task.id;
  }

  isOf({ batchId, task }: CancelledTask): boolean {
    return this.#batchId === batchId && this.#taskId === task.id;
  }
}

/** One attempt in this process, from its start until its outcome is known. */
class Run implements CurrentRun {
  position = -1;
  readonly labels: LogFields;
  readonly notes: NoteTaker;
  readonly signal: AbortSignal;
  readonly ended: Promise<TaskOutcome>;
  /** The task's code while it runs. It may continue for a while after the run has ended. */
  readonly code: RunningCode;
  readonly #dependencies: RunnerDependencies;
  readonly #assignment: Assignment;
  readonly #controller = new AbortController();
  readonly #timer: SharedTimer;
  readonly #time: TaskTimer;
  readonly #onEnd: (run: Run) => void;
  readonly #resolve: (outcome: TaskOutcome) => void;
  readonly #cancelLimit: () => void;
  /** Rejected promises that the task's code has not awaited, with their reasons. */
  #unawaited: Map<Promise<unknown>, unknown> | undefined;
  #cancelHeartbeat = () => {};
  #renewedAt: number;
  #isOver = false;

  /** Starts the heartbeat and the timeout. `onEnd` is called once. */
  constructor(
    dependencies: RunnerDependencies,
    timer: SharedTimer,
    assignment: Assignment,
    onEnd: (run: Run) => void,
  ) {
    const { promise, resolve } = Promise.withResolvers<TaskOutcome>();
    const { timeoutSeconds } = assignment.task;
    this.#dependencies = dependencies;
    this.#assignment = assignment;
    this.#timer = timer;
    this.#onEnd = onEnd;
    this.#resolve = resolve;
    this.ended = promise;
    this.code = new RunningCode(assignment);
    this.labels = runLabels(assignment);
    this.signal = this.#controller.signal;
    this.notes = new NoteTaker(this.signal);
    this.#time = new TaskTimer(timer, timeoutSeconds * 1_000, () =>
      this.interrupt(new TaskInterrupted("timeout", `it ran longer than its timeout of ${timeoutSeconds} s`)),
    );
    this.#cancelLimit = this.#startAttemptLimit();
    this.#renewedAt = timer.monotonicMs();
    this.#scheduleHeartbeat();
  }

  /** The outcome of the code, or of its wait. An earlier interruption counts. */
  finish(outcome: TaskOutcome): void {
    // Node reports at the end of the turn that a rejected promise was awaited after all.
    if (this.#unawaited && this.#unawaited.size > 0)
      this.#dependencies.clock.after(0, () => this.#end(this.#withUnawaited(outcome)));
    else this.#end(outcome);
  }

  interrupt(reason: TaskInterrupted): void {
    this.#end(toOutcome(reason));
    // mutation: interruption-aborts-the-signal
    this.#controller.abort(reason);
  }

  requestTurn(): Turn {
    return this.#time.requestTurn();
  }

  onException(thrown: unknown): boolean {
    if (this.#isOver) return false;
    this.#logUnhandled(thrown);
    this.interrupt(new TaskInterrupted("uncaught_error", errorMessage(thrown), thrown));
    return true;
  }

  onRejection(promise: Promise<unknown>, reason: unknown): boolean {
    if (this.#isOver) return false;
    this.#logUnhandled(reason);
    this.#unawaited ??= new Map();
    this.#unawaited.set(promise, reason);
    return true;
  }

  onHandled(promise: Promise<unknown>): void {
    this.#unawaited?.delete(promise);
  }

  /** The first outcome counts. */
  #end(outcome: TaskOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#time.end();
    this.#cancelLimit();
    this.#cancelHeartbeat();
    this.#onEnd(this);
    this.#resolve(outcome);
  }

  /** Notes rejected promises that the code did not await as warnings in the TaskLog. */
  #withUnawaited(outcome: TaskOutcome): TaskOutcome {
    if (outcome.kind !== "succeeded" && outcome.kind !== "failed") return outcome;
    for (const reason of this.#unawaited?.values() ?? [])
      this.notes.warn(`A promise that the task does not await was rejected: ${errorMessage(reason)}`);
    return { ...outcome, notes: this.notes.notes };
  }

  #logUnhandled(thrown: unknown): void {
    this.#dependencies.logger.warn("a task's code does not await or catch an error", {
      ...this.labels,
      error: errorMessage(thrown),
      stack_trace: debugStack(thrown),
    });
  }

  /** The limit of the process counts all time, because the platform ends the process whatever a task waits for. */
  #startAttemptLimit(): () => void {
    const { attemptSeconds } = this.#dependencies;
    if (attemptSeconds === undefined) return () => undefined;
    const problem = `it ran longer than ${attemptSeconds} s, the limit of this process for an attempt, whatever its timeout`;
    return this.#timer.after(attemptSeconds * 1_000, () =>
      this.interrupt(new TaskInterrupted("timeout", problem)),
    );
  }

  #scheduleHeartbeat(): void {
    const { leaseSeconds } = this.#assignment;
    const intervalSeconds = Math.min(leaseSeconds / limits.heartbeatsPerLease, limits.heartbeatSeconds);
    this.#cancelHeartbeat = this.#timer.after(intervalSeconds * 1_000, () => void this.#sendHeartbeat());
  }

  /** Renews the lease. Interrupts the run when the lease is lost or may have expired. */
  async #sendHeartbeat(): Promise<void> {
    const startedAt = this.#timer.monotonicMs();
    try {
      if (!(await this.#assignment.renew())) return this.#interruptLostRun();
      this.#renewedAt = startedAt;
    } catch (error) {
      this.#dependencies.logger.warn("could not renew a lease", {
        ...this.labels,
        error: errorMessage(error),
      });
      const sinceMs = this.#timer.monotonicMs() - this.#renewedAt;
      if (sinceMs > this.#assignment.leaseSeconds * 1_000) return this.#interruptLostRun();
    }
    if (!this.#isOver) this.#scheduleHeartbeat();
  }

  #interruptLostRun(): void {
    this.interrupt(new TaskInterrupted("lost_lease", "the claim is no longer ours"));
  }
}

/** Runs attempts in this process, each with its heartbeat, timeout and abort signal. */
export class LocalTaskRunner implements TaskRunner {
  readonly #dependencies: RunnerDependencies;
  readonly #timer: SharedTimer;
  readonly #runs = new ActiveSet<Run>();
  readonly #code = new ActiveSet<RunningCode>();
  readonly #onEnd = (run: Run) => void this.#runs.delete(run);
  #stopping = false;

  constructor(dependencies: RunnerDependencies) {
    this.#dependencies = dependencies;
    this.#timer = new SharedTimer(dependencies.clock);
  }

  run(assignment: Assignment): Promise<TaskOutcome> {
    if (this.#stopping) return Promise.resolve({ kind: "released" });
    const run = new Run(this.#dependencies, this.#timer, assignment, this.#onEnd);
    this.#runs.add(run);
    this.#code.add(run.code);
    run.code.ended = withRun(run, () => this.#runCode(assignment, run));
    return run.ended;
  }

  customKey(call: KeyedCall): Promise<string> {
    return runKeyFunction(this.#dependencies.code, call);
  }

  async cancel(cancelled: CancelledTask): Promise<void> {
    const { code, services, logger, clock } = this.#dependencies;
    const running = this.#code.all().filter((code) => code.isOf(cancelled));
    const timeout = Promise.withResolvers<void>();
    const cancelTimeout = clock.after(limits.abortedCodeSeconds * 1_000, timeout.resolve);
    // The code may be about to start its remote job, which could not be found before.
    if (running.length > 0)
      await Promise.race([Promise.all(running.map(({ ended }) => ended)), timeout.promise]);
    cancelTimeout();
    await cancelBuiltIn(code, services, logger, cancelled);
  }

  /** Lets attempts finish for `graceMs`, then releases the others. Resolves when all have ended. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const running = this.#runs.all();
    const cancel = this.#dependencies.clock.after(graceMs, () => {
      for (const run of this.#runs.all())
        run.interrupt(
          new TaskInterrupted("shutdown", "the process is stopping; another one will run the task"),
        );
    });
    await Promise.all(running.map((run) => run.ended));
    cancel();
  }

  /** Never rejects. */
  async #runCode(assignment: Assignment, run: Run): Promise<void> {
    const { code, services, secrets, clock, ids, callbacks } = this.#dependencies;
    const logger = withLabels(this.#dependencies.logger, run.labels);
    const { signal, notes } = run;
    const park = (parked: TaskOutcome) => {
      run.finish(parked);
      // It never continues after its wait.
      this.#code.delete(run.code);
    };
    try {
      const step = createSteps(assignment.memory, clock, signal, park);
      const callback = createTaskCallback({ callbacks, clock, ids, logger }, assignment.callback, signal);
      const context = createContext(assignment, services, logger, { signal, notes, step, callback });
      run.finish(toTaskOutcome(await runCode(code, assignment, context, { secrets, ids }), notes));
    } catch (thrown) {
      const failed = withPause(toStoredError(thrown), thrown);
      const { code, message } = failed.error;
      if (!signal.aborted)
        logger.warn("attempt failed", { code, error: message, stack_trace: debugStack(thrown) });
      run.finish({ kind: "failed", ...failed, notes: notes.notes });
    }
    this.#code.delete(run.code);
  }
}

/** Throws `TASK_RESULT_NOT_JSON`, `TASK_RESULT_TOO_LARGE`. */
function toTaskOutcome(returned: unknown, { notes }: NoteTaker): TaskOutcome {
  if (returned instanceof WaitForCompletion)
    return { kind: "parked", reason: "completion", seconds: returned.timeoutSeconds };
  const { summary, result } = parseReturned(returned);
  return { kind: "succeeded", summary, result, notes };
}

function runLabels({ batchId, task, attempt }: Assignment): LogFields {
  return { batchId, taskId: task.id, attempt };
}
