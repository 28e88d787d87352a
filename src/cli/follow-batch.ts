import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../app/app.ts";
import type { Callback } from "../core/callback.ts";
import { limits } from "../core/limits.ts";
import { truncate } from "../core/values/text.ts";
import type { AttemptView, BatchView, TaskView } from "../core/views/views.ts";
import { durationBetween, oneLine, table, timeOfDay } from "./output/text.ts";

const pollMs = 50;

/** The pending final callbacks of a batch: those of its tasks, and stored ones that it had sent again. */
export async function pendingCallbacks({ engine }: App, { batchId, tasks }: BatchView): Promise<Callback[]> {
  const found = await engine.admin.callbacks.ofBatch(batchId);
  for (const { key, reason } of tasks)
    if (key !== null && reason === "already_completed")
      found.push(...(await engine.admin.callbacks.ofKey(key)));
  return found.filter(({ state }) => state === "PENDING");
}

/**
 * Waits until each callback has been accepted and archived or has failed once, for at most
 * `limits.callbackWaitSeconds`. Returns those that are still pending.
 */
export async function untilSettled(
  { engine }: App,
  callbackIds: readonly string[],
  stop?: AbortSignal,
): Promise<Callback[]> {
  const deadline = performance.now() + limits.callbackWaitSeconds * 1_000;
  for (;;) {
    const pending: Callback[] = [];
    for (const callbackId of callbackIds) {
      const callback = await engine.admin.callbacks.find(callbackId);
      if (callback?.state === "PENDING") pending.push(callback);
    }
    const allTried = pending.every(({ failures }) => failures > 0);
    if (allTried || stop?.aborted || performance.now() > deadline) return pending;
    // An abort ends the pause early.
    await sleep(pollMs, undefined, stop && { signal: stop }).catch(() => {});
  }
}

/** The line that reports a task's change of status. `batchId`: among the lines of other batches. */
export function changeLine(task: TaskView, batchId = ""): string {
  const changed = task.endedAt ?? (task.status === "PROCESSING" ? task.startedAt : null);
  const words = [
    timeOfDay(changed ?? undefined),
    batchId,
    task.taskId,
    task.status,
    reasonText(task),
    task.attempts > 1 || task.status === "WAITING" ? `attempt ${task.attempts}` : "",
    task.endedAt === null ? "" : durationText(task),
    errorText(task),
    task.error?.place === undefined ? "" : `at ${oneLine(task.error.place)}`,
  ];
  return words.filter((word) => word !== "").join("  ");
}

/** The tasks of a batch, one line each. */
export function taskTable(view: BatchView): string {
  const head = ["TASK", "STATUS", "REASON", "ATTEMPTS", "DURATION", "ERROR"];
  return table(
    head,
    view.tasks.map((task) => [
      task.taskId,
      task.status,
      reasonText(task),
      String(task.attempts),
      durationText(task),
      truncate(errorText(task), shownErrorCharacters),
    ]),
  );
}

/** The line of a batch itself. */
export function batchLine({ batchId, status, createdAt, endedAt }: BatchView): string {
  const duration = endedAt === null ? "" : ` in ${durationBetween(createdAt, endedAt)}`;
  return `batch ${batchId} ${status}${duration}`;
}

/** A batch and its tasks, for people. */
export function batchText(view: BatchView): string {
  const facts: readonly (readonly [string, string])[] = [
    ["workflow", view.workflowId],
    ["started by", view.startedBy],
    ["lineage", `run ${view.run} of ${view.lineageId}`],
    ["created", view.createdAt],
    ["ended", view.endedAt ?? ""],
    ["failed", view.firstFailure ? failureText(view.firstFailure) : ""],
    ["input", truncate(oneLine(JSON.stringify(view.input)), 200)],
  ];
  const lines = facts
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `  ${name.padEnd(10)}  ${oneLine(value)}`);
  return [batchLine(view), ...lines, "", taskTable(view), ...view.tasks.flatMap(taskNotes)].join("\n");
}

function failureText({ taskId, error }: NonNullable<BatchView["firstFailure"]>): string {
  return `first ${taskId}: ${error.code}: ${error.message}`;
}

/** Longer causes of a skip are in `--json`. */
const shownReasonCharacters = 60;

/** The table truncates longer errors; the full text is below it. */
const shownErrorCharacters = 300;

/** The earlier attempts, key, counters, warnings, errors and remedy of a task, below its name. */
function taskNotes(task: TaskView): string[] {
  const { taskId, key, error, history, report } = task;
  const counters = Object.entries(report.counters).map(([name, count]) => `${name} ${count}`);
  // The last error is the one that ended the task, and it is in the table.
  const errors = error === null ? report.errors : report.errors.slice(0, -1);
  const earlier = history.filter(({ attempt }) => attempt < task.attempts || task.reason === "retry");
  const notes: readonly (readonly [string, string])[] = [
    ...earlier.map((each) => [`attempt ${each.attempt}`, attemptText(each)] as const),
    ...(key === null ? [] : [["key", key] as const]),
    ...(counters.length === 0 ? [] : [["counters", counters.join(", ")] as const]),
    ...report.warnings.map((warning) => ["warning", warning] as const),
    ...errors.map((each) => ["error", each] as const),
    ...(errorText(task).length > shownErrorCharacters ? [["failed", errorText(task)] as const] : []),
    ...(error?.place === undefined ? [] : [["at", error.place] as const]),
    ...(error?.remedy ? [["what to do", error.remedy] as const] : []),
  ];
  if (notes.length === 0) return [];
  return ["", taskId, ...notes.map(([name, text]) => `  ${name.padEnd(10)}  ${oneLine(text)}`)];
}

function attemptText({ outcome, startedAt, endedAt, worker, error }: AttemptView): string {
  const words = [
    `${outcome} after ${durationBetween(startedAt, endedAt)}`,
    worker === null ? "" : `on ${worker}`,
    startedAt === null ? "" : `at ${startedAt}`,
  ];
  const text = words.filter((word) => word !== "").join(" ");
  return error === null ? text : `${text}: ${error.code}: ${error.message}`;
}

/** Includes the names of the events that a task waits for: a sender needs them. */
function reasonText({ reason, waitsFor, skipCause }: TaskView): string {
  if (skipCause !== null) return oneLine(`${reason}: ${truncate(skipCause, shownReasonCharacters)}`);
  return waitsFor.length === 0 ? (reason ?? "") : oneLine(`${reason} ${waitsFor.join(", ")}`);
}

/** Empty for a waiting task, which has a start time but does not run. */
function durationText(task: TaskView): string {
  return task.status === "WAITING" ? "" : durationBetween(task.startedAt, task.endedAt);
}

function errorText({ error }: TaskView): string {
  return error === null ? "" : oneLine(`${error.code}: ${error.message}`);
}
