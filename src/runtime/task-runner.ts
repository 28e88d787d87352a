import { debugStack, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { ConditionCall } from "../core/workflow/condition.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { Clock, Ids, Secrets } from "../ports/machine.ts";
import type { MaybePromise } from "../ports/store.ts";
import type {
  Assignment,
  CancelledTask,
  KeyedCall,
  TaskOutcome,
  TaskRunner,
  Turn,
} from "../ports/task-runner.ts";
import type { LogFields, Logger } from "../ports/telemetry.ts";
import { createContext, createSteps, createTaskCallback, NoteTaker, withLabels } from "./context.ts";
import { type CurrentRun, TaskInterrupted, toOutcome, withRun } from "./current-run.ts";
import {
  cancelBuiltIn,
  isThenable,
  runCode,
  runCondition,
  runKeyFunction,
  type TaskCode,
} from "./task-code.ts";
import { thrownOutcome, toTaskOutcome } from "./task-outcome.ts";
import type { Services } from "./task-type.ts";
import { ActiveSet, Alarm, SharedTimer, TaskTimer } from "./timers.ts";

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
interface RunningCode extends Pick<CancelledTask, "batchId"> {
  position: number;
  readonly taskId: string;
  ended: Promise<void> | undefined;
}

/**
 * One attempt in this process, from its start until its outcome is known. As an alarm it rings for its timeout, for the
 * limit of the process, and for its heartbeats.
 */
class Run extends Alarm implements CurrentRun {
  readonly labels: LogFields;
  readonly notes: NoteTaker;
  readonly signal: AbortSignal;
  /** The task's code while it runs. It may continue for a while after the run has ended. */
  readonly code: RunningCode;
  readonly #dependencies: RunnerDependencies;
  readonly #assignment: Assignment;
  readonly #controller = new AbortController();
  readonly #runs: SharedTimer<Run>;
  readonly #time: TaskTimer;
  /** The limit of the process counts all time, because the platform ends the process whatever a task waits for. */
  readonly #limitAt: number;
  /** Rejected promises that the task's code has not awaited, with their reasons. */
  #unawaited: Map<Promise<unknown>, unknown> | undefined;
  readonly #heartbeatMs: number;
  #renewedAt: number;
  #heartbeatAt: number;
  /** Undefined while the run has not ended. */
  outcome: TaskOutcome | undefined;
  #ended: PromiseWithResolvers<TaskOutcome> | undefined;

  /** Starts the heartbeat and the timeout. */
  constructor(dependencies: RunnerDependencies, runs: SharedTimer<Run>, assignment: Assignment) {
    super("Run");
    const { batchId, task, attempt, leaseSeconds } = assignment;
    const now = runs.monotonicMs();
    this.#dependencies = dependencies;
    this.#assignment = assignment;
    this.#runs = runs;
    this.code = { position: -1, batchId, taskId: task.id, ended: undefined };
    this.labels = { batchId, taskId: task.id, attempt };
    this.signal = this.#controller.signal;
    this.notes = new NoteTaker(this.signal);
    this.#time = new TaskTimer(runs, task.timeoutSeconds * 1_000);
    this.#limitAt = now + (dependencies.attemptSeconds ?? Number.POSITIVE_INFINITY) * 1_000;
    this.#renewedAt = now;
    this.#heartbeatMs = Math.min(leaseSeconds / limits.heartbeatsPerLease, limits.heartbeatSeconds) * 1_000;
    this.#heartbeatAt = now + this.#heartbeatMs;
    runs.add(this);
  }

  get at(): number {
    return Math.min(this.#time.sliceEndsAt, this.#heartbeatAt, this.#limitAt);
  }

  protected override onTime(now: number): void {
    const { attemptSeconds } = this.#dependencies;
    if (now >= this.#limitAt)
      this.#timeOut(`${attemptSeconds} s, the limit of this process for an attempt, whatever its timeout`);
    if (now >= this.#time.sliceEndsAt && !this.#time.endSlice(now))
      this.#timeOut(`its timeout of ${this.#assignment.task.timeoutSeconds} s`);
    if (now >= this.#heartbeatAt && !this.outcome) void this.#sendHeartbeat();
  }

  get ended(): Promise<TaskOutcome> {
    if (this.outcome) return Promise.resolve(this.outcome);
    this.#ended ??= Promise.withResolvers();
    return this.#ended.promise;
  }

  /** The outcome of the code, or of its wait. An earlier interruption counts. */
  finish(outcome: TaskOutcome): void {
    // Node reports at the end of the turn that a rejected promise was awaited after all.
    if (this.#unawaited && this.#unawaited.size > 0)
      this.#dependencies.clock.after(0, () => this.#end(this.#withUnawaited(outcome)));
    else this.#end(outcome);
  }

  #timeOut(limit: string): void {
    this.interrupt(new TaskInterrupted("timeout", `it ran longer than ${limit}`));
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
    if (this.outcome) return false;
    this.#logUnhandled(thrown);
    this.interrupt(new TaskInterrupted("uncaught_error", errorMessage(thrown), thrown));
    return true;
  }

  onRejection(promise: Promise<unknown>, reason: unknown): boolean {
    if (this.outcome) return false;
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
    if (this.outcome) return;
    this.outcome = outcome;
    this.#runs.delete(this);
    this.#ended?.resolve(outcome);
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

  /** Renews the lease. Interrupts the run when the lease is lost or may have expired. */
  async #sendHeartbeat(): Promise<void> {
    const startedAt = this.#runs.monotonicMs();
    this.#heartbeatAt = Number.POSITIVE_INFINITY;
    try {
      if (!(await this.#assignment.renew())) return this.#interruptLostRun();
      this.#renewedAt = startedAt;
    } catch (error) {
      this.#dependencies.logger.warn("could not renew a lease", {
        ...this.labels,
        error: errorMessage(error),
      });
      const sinceMs = this.#runs.monotonicMs() - this.#renewedAt;
      if (sinceMs > this.#assignment.leaseSeconds * 1_000) return this.#interruptLostRun();
    }
    this.#heartbeatAt = this.#runs.monotonicMs() + this.#heartbeatMs;
    if (!this.outcome) this.#runs.notice(this.#heartbeatAt);
  }

  #interruptLostRun(): void {
    this.interrupt(new TaskInterrupted("lost_lease", "the claim is no longer ours"));
  }
}

/** Runs attempts in this process, each with its heartbeat, timeout and abort signal. */
export class LocalTaskRunner implements TaskRunner {
  readonly #dependencies: RunnerDependencies;
  readonly #runs: SharedTimer<Run>;
  readonly #code = new ActiveSet<RunningCode>();
  #stopping = false;

  constructor(dependencies: RunnerDependencies) {
    this.#dependencies = dependencies;
    this.#runs = new SharedTimer(dependencies.clock);
  }

  run(assignment: Assignment): MaybePromise<TaskOutcome> {
    if (this.#stopping) return { kind: "released" };
    const run = new Run(this.#dependencies, this.#runs, assignment);
    this.#code.add(run.code);
    withRun(run, () => this.#start(assignment, run));
    return run.outcome ?? run.ended;
  }

  customKey(call: KeyedCall): Promise<string> {
    return runKeyFunction(this.#dependencies.code, call);
  }

  condition(call: ConditionCall): Promise<boolean> {
    return runCondition(this.#dependencies.code, call);
  }

  async cancel(cancelled: CancelledTask): Promise<void> {
    const { code, services, logger, clock } = this.#dependencies;
    const { batchId, task } = cancelled;
    const running = this.#code.all().filter((code) => code.batchId === batchId && code.taskId === task.id);
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

  #start(assignment: Assignment, run: Run): void {
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
      const returned = runCode(code, assignment, context, { secrets, ids });
      if (isThenable(returned)) {
        run.code.ended = this.#follow(returned, run, logger);
        return;
      }
      run.finish(toTaskOutcome(returned, notes.notes));
    } catch (thrown) {
      fail(run, logger, thrown);
    }
    this.#code.delete(run.code);
  }

  /** Never rejects. */
  async #follow(returned: PromiseLike<unknown>, run: Run, logger: Logger): Promise<void> {
    try {
      run.finish(toTaskOutcome(await returned, run.notes.notes));
    } catch (thrown) {
      fail(run, logger, thrown);
    }
    this.#code.delete(run.code);
  }
}

function fail(run: Run, logger: Logger, thrown: unknown): void {
  run.finish(thrownOutcome(thrown, run.notes.notes, run.signal.aborted ? undefined : logger));
}
