import { setTimeout as sleep } from "node:timers/promises";
import { BatonError } from "../core/errors/errors.ts";
import type { Completion, TaskMessage } from "../core/messages.ts";
import { isTerminal } from "../core/records.ts";
import type { TaskView } from "../core/views/views.ts";
import type { Engine } from "../engine/engine.ts";
import type { App } from "./app.ts";

export interface FollowOptions {
  /** Ends `follow`. */
  readonly stop: AbortSignal;
  /** Called for each task whose status has changed. */
  readonly onChange: ((task: TaskView) => void) | undefined;
}

/** The pauses between two reads start short, so that short batches end without delay, and grow. */
const firstMs = 10;
const growth = 1.5;
const longestMs = 2_000;
/** They grow to the usual length, or further until the reads of a large batch take a small share of the time. */
const readFactor = 20;
const usualMs = 100;

/**
 * The pause after a read that took `readMs`. It depends on the pause before, too: the first read of a process is slow
 * because it loads code, and says nothing about the next one.
 */
export function nextPauseMs(pauseMs: number | undefined, readMs: number): number {
  if (pauseMs === undefined) return firstMs;
  const enoughMs = Math.min(longestMs, Math.max(usualMs, readMs * readFactor));
  return Math.min(enoughMs, pauseMs * growth);
}

/** Polls a batch until it has ended or `stop` is aborted. Any process may run it. */
export async function follow(
  { engine }: Pick<App, "engine">,
  batchId: string,
  { stop, onChange }: FollowOptions,
): Promise<void> {
  const seen = new Map<string, string>();
  let pauseMs: number | undefined;
  while (!stop.aborted) {
    const startedAt = performance.now();
    const { status, tasks } = onChange
      ? await engine.admin.show(batchId)
      : { ...(await engine.admin.status(batchId)), tasks: [] };
    for (const task of changedTasks(tasks, seen)) onChange?.(task);
    if (status !== "RUNNING") return;
    pauseMs = nextPauseMs(pauseMs, performance.now() - startedAt);
    // An abort ends the pause early.
    await sleep(pauseMs, undefined, { signal: stop }).catch(() => {});
  }
}

function changedTasks(tasks: readonly TaskView[], seen: Map<string, string>): TaskView[] {
  const changed = tasks.filter((task) => {
    const state = `${task.status} ${task.reason} ${task.attempts}`;
    const isNew = task.status !== "NEW" && seen.get(task.taskId) !== state;
    if (isNew) seen.set(task.taskId, state);
    return isNew;
  });
  return changed.sort((one, other) => timeOfChange(one).localeCompare(timeOfChange(other)));
}

function timeOfChange(task: TaskView): string {
  return task.endedAt ?? task.startedAt ?? "";
}

/** Throws `BATCH_UNKNOWN`, `TASK_UNKNOWN`. */
async function findTask(engine: Engine, batchId: string, taskId: string): Promise<TaskView> {
  const { tasks } = await engine.admin.show(batchId);
  const task = tasks.find((known) => known.taskId === taskId);
  if (task) return task;
  const known = tasks.map((each) => each.taskId).slice(0, 20);
  throw new BatonError(
    "TASK_UNKNOWN",
    `Batch ${batchId} has no task ${taskId}; it has ${known.join(", ")}${tasks.length > 20 ? ", …" : ""}`,
  );
}

/**
 * Reports how a task that waits for another system has ended. Returns the task after that: it has ended, or the
 * completion is stored for it. Throws `BATCH_UNKNOWN`, `TASK_UNKNOWN`, `TASK_ENDED`.
 */
export async function completeTask(
  engine: Engine,
  { batchId, taskId }: { readonly batchId: string; readonly taskId: string },
  completion: Completion,
): Promise<TaskView> {
  const before = await findTask(engine, batchId, taskId);
  if (isTerminal(before.status))
    throw new BatonError("TASK_ENDED", `Task ${taskId} of batch ${batchId} has ended ${before.status}`);
  const message: TaskMessage = { kind: "task", batchId, taskId, previousTaskId: taskId, completion };
  const unit = engine.begin();
  await engine.handleTask(message, { unit });
  await unit.durable();
  return findTask(engine, batchId, taskId);
}
