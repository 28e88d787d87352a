import { debugStack, errorMessage } from "../core/errors/errors.ts";
import type { LogFields } from "../ports/telemetry.ts";
import { type CurrentRun, currentRun } from "../runtime/current-run.ts";

export interface StrayErrorReceiver {
  /** Logs an error after which the process continues. */
  log(message: string, fields: LogFields): void;
  /**
   * Stops the process after an exception of unknown origin, which leaves the state of the process unknown. The receiver
   * releases running tasks and exits. Called once.
   */
  stop(thrown: unknown): void;
}

/**
 * Handles uncaught errors. Node's async context identifies the task that created the promise, timer or event. An
 * exception of a task fails only its attempt, if that still runs. A rejection interrupts nothing: it is logged, and
 * becomes a warning of its task.
 */
export function containStrayErrors({ log, stop }: StrayErrorReceiver): void {
  let isStopping = false;
  const logStray = (thrown: unknown, fields: LogFields = {}) =>
    log("an error that nothing awaits or catches", {
      ...fields,
      error: errorMessage(thrown),
      stack_trace: debugStack(thrown),
    });
  const owners = new WeakMap<Promise<unknown>, CurrentRun>();
  process.on("unhandledRejection", (reason, promise) => {
    const run = currentRun();
    if (run?.onRejection(promise, reason)) owners.set(promise, run);
    else logStray(reason, run?.labels);
  });
  process.on("rejectionHandled", (promise) => owners.get(promise)?.onHandled(promise));
  process.on("uncaughtException", (thrown) => {
    const run = currentRun();
    if (run?.onException(thrown)) return;
    if (run || isStopping) return logStray(thrown, run?.labels);
    isStopping = true;
    stop(thrown);
  });
}
