import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../composition/app.ts";
import type { TaskView } from "../core/views.ts";

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
