import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../app/app.ts";
import type { Callback } from "../core/callback.ts";
import { limits } from "../core/limits.ts";
import { truncate } from "../core/values/text.ts";
import type { BatchView, TaskView } from "../core/views/views.ts";
import { durationBetween, oneLine, table } from "./output/text.ts";

export interface FollowOptions {
  /** Ends the following. */
  readonly stop: AbortSignal;
  /** Told of each task whose status is another than when it was last looked at. */
  readonly onChange: ((task: TaskView) => void) | undefined;
}

/** Short batches are not kept waiting: the pauses begin small, and grow until they are as long as they should be. */
const firstMs = 10;
const growth = 1.3;
const shortestMs = 100;
const longestMs = 2_000;
/** Looking takes longer the more tasks there are: it gets at most one part in so many of the time. */
const share = 20;

/** Looks at a batch, in whatever process it runs, until it has ended or `stop` is aborted. */
export async function follow(
  { engine }: App,
  batchId: string,
  { stop, onChange }: FollowOptions,
): Promise<void> {
  const seen = new Map<string, string>();
  let leastMs = firstMs;
  while (!stop.aborted) {
    const began = performance.now();
    const { status, tasks } = onChange
      ? await engine.admin.show(batchId)
      : { ...(await engine.admin.status(batchId)), tasks: [] };
    for (const task of changedTasks(tasks, seen)) onChange?.(task);
    if (status !== "RUNNING") return;
    const pause = Math.min(longestMs, Math.max(leastMs, (performance.now() - began) * share));
    leastMs = Math.min(shortestMs, leastMs * growth);
    // A pause that is cut short is all right.
    await sleep(pause, undefined, { signal: stop }).catch(() => {});
  }
}

function changedTasks(tasks: readonly TaskView[], seen: Map<string, string>): TaskView[] {
  const changed = tasks.filter((task) => {
    const state = `${task.status} ${task.reason} ${task.attempts}`;
    const isNew = task.status !== "NEW" && seen.get(task.taskId) !== state;
    if (isNew) seen.set(task.taskId, state);
    return isNew;
  });
  return changed.sort((one, other) => timeOf(one).localeCompare(timeOf(other)));
}

function timeOf(task: TaskView): string {
  return task.endedAt ?? task.startedAt ?? "";
}

const lookMs = 50;

/** The final callbacks of a batch that are under way: those its tasks made, and those that it asked for again. */
export async function pendingCallbacks({ engine }: App, { batchId, tasks }: BatchView): Promise<Callback[]> {
  const found = await engine.admin.callbacks.ofBatch(batchId);
  for (const { key, reason } of tasks)
    if (key !== null && reason === "already_completed")
      found.push(...(await engine.admin.callbacks.ofKey(key)));
  return found.filter(({ state }) => state === "PENDING");
}

/**
 * Waits until callbacks have been taken and archived, or have failed once, but not for long. Gives those of which something is
 * left to do, as they then are.
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
    const isTried = pending.every(({ failures }) => failures > 0);
    if (isTried || stop?.aborted || performance.now() > deadline) return pending;
    // A pause that is cut short is all right.
    await sleep(lookMs, undefined, stop && { signal: stop }).catch(() => {});
  }
}

/** What a task's change of status is told as, on one line. */
export function changeLine(task: TaskView): string {
  const changed = task.endedAt ?? (task.status === "PROCESSING" ? task.startedAt : null);
  const time = (changed ?? new Date().toISOString()).slice(11, 23);
  const words = [
    time,
    task.taskId,
    task.status,
    reasonOf(task),
    task.attempts > 1 || task.status === "WAITING" ? `attempt ${task.attempts}` : "",
    task.endedAt === null ? "" : durationOf(task),
    errorOf(task),
  ];
  return words.filter((word) => word !== "").join("  ");
}

/** Every task of a batch, one line each. */
export function taskTable(view: BatchView): string {
  const head = ["TASK", "STATUS", "REASON", "ATTEMPTS", "DURATION", "ERROR"];
  return table(
    head,
    view.tasks.map((task) => [
      task.taskId,
      task.status,
      reasonOf(task),
      String(task.attempts),
      durationOf(task),
      truncate(errorOf(task), shownErrorCharacters),
    ]),
  );
}

/** The batch itself, on one line. */
export function batchLine({ batchId, status, createdAt, endedAt }: BatchView): string {
  const spent = endedAt === null ? "" : ` in ${durationBetween(createdAt, endedAt)}`;
  return `batch ${batchId} ${status}${spent}`;
}

/** All that is known of a batch, for people. */
export function batchText(view: BatchView): string {
  const facts: readonly (readonly [string, string])[] = [
    ["workflow", view.workflowId],
    ["started by", view.startedBy],
    ["lineage", `run ${view.run} of ${view.lineageId}`],
    ["created", view.createdAt],
    ["ended", view.endedAt ?? ""],
    ["input", truncate(oneLine(JSON.stringify(view.input)), 200)],
  ];
  const lines = facts
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `  ${name.padEnd(10)}  ${oneLine(value)}`);
  return [batchLine(view), ...lines, "", taskTable(view), ...view.tasks.flatMap(notesOf)].join("\n");
}

/** How much of an error the table shows; the rest is below it. */
const shownErrorCharacters = 300;

/**
 * What a task noted about its work, its idempotency key, and what to do about its error: lines below its name, if
 * there are any.
 */
function notesOf(task: TaskView): string[] {
  const { taskId, key, error, report } = task;
  const counters = Object.entries(report.counters).map(([name, count]) => `${name} ${count}`);
  // The error that it ended with is the last of them, and in the table.
  const errors = error === null ? report.errors : report.errors.slice(0, -1);
  const notes: readonly (readonly [string, string])[] = [
    ...(key === null ? [] : [["key", key] as const]),
    ...(counters.length === 0 ? [] : [["counters", counters.join(", ")] as const]),
    ...report.warnings.map((warning) => ["warning", warning] as const),
    ...errors.map((each) => ["error", each] as const),
    ...(errorOf(task).length > shownErrorCharacters ? [["failed", errorOf(task)] as const] : []),
    ...(error?.remedy ? [["what to do", error.remedy] as const] : []),
  ];
  if (notes.length === 0) return [];
  return ["", taskId, ...notes.map(([name, text]) => `  ${name.padEnd(10)}  ${oneLine(text)}`)];
}

/** Of a task that waits for events, their names: who is to send one has to know them. */
function reasonOf({ reason, waitsFor }: TaskView): string {
  return waitsFor.length === 0 ? (reason ?? "") : oneLine(`${reason} ${waitsFor.join(", ")}`);
}

/** A task that was claimed and given back or that waits has a beginning, and runs no longer. */
function durationOf(task: TaskView): string {
  return task.status === "WAITING" ? "" : durationBetween(task.startedAt, task.endedAt);
}

function errorOf({ error }: TaskView): string {
  return error === null ? "" : oneLine(`${error.code}: ${error.message}`);
}
