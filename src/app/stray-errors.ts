import { debugStack, errorMessage } from "../core/errors/errors.ts";
import type { LogFields } from "../ports/telemetry.ts";
import { type CurrentRun, currentRun } from "../runtime/current-run.ts";

export interface StrayErrorReceiver {
  /** Logs an error that ends nothing. */
  tell(message: string, fields: LogFields): void;
  /**
   * An exception of unknown origin: it may have cut short anything, so the state of the process is unknown. What is
   * under way is given back, and the process ends. Called once.
   */
  stop(thrown: unknown): void;
}

/**
 * Handles errors that nothing caught. Node tells which task made the promise, timer or event. An exception of a task
 * fails its attempt, if that still runs, and nothing else. A rejection has cut nothing short: it is logged, and a
 * warning of its task.
 */
export function containStrayErrors({ tell, stop }: StrayErrorReceiver): void {
  let isStopping = false;
  const told = (thrown: unknown, fields: LogFields = {}) =>
    tell("an error that nothing awaits or catches", {
      ...fields,
      error: errorMessage(thrown),
      stack_trace: debugStack(thrown),
    });
  const owners = new WeakMap<Promise<unknown>, CurrentRun>();
  process.on("unhandledRejection", (reason, promise) => {
    const run = currentRun();
    if (run?.onRejection(promise, reason)) owners.set(promise, run);
    else told(reason, run?.labels);
  });
  process.on("rejectionHandled", (promise) => owners.get(promise)?.onHandled(promise));
  process.on("uncaughtException", (thrown) => {
    const run = currentRun();
    if (run?.onException(thrown)) return;
    if (run || isStopping) return told(thrown, run?.labels);
    isStopping = true;
    stop(thrown);
  });
}
