import { formatDuration } from "../../core/duration.ts";
import type { ActiveTask, CachedResult, Lock, Stats } from "../../core/inspection.ts";
import type { QueueRate } from "../../core/queues.ts";
import { table } from "./text.ts";

export function activeTable(tasks: readonly ActiveTask[]): string {
  const head = ["BATCH", "TASK", "STATUS", "REASON", "ATTEMPT", "WORKER", "SINCE", "DUE", "KEY"];
  return table(
    head,
    tasks.map((task) => [
      task.batchId,
      task.taskId,
      task.status,
      task.reason ?? "",
      String(task.attempt),
      task.worker ?? "",
      task.since,
      task.due ?? "",
      task.key ?? "",
    ]),
  );
}

export function lockTable(locks: readonly Lock[]): string {
  return table(
    ["KEY", "BATCH", "TASK", "ATTEMPT", "WORKER", "UNTIL"],
    locks.map(({ key, batchId, taskId, attempt, worker, until, isOver }) => [
      key,
      batchId,
      taskId,
      String(attempt),
      worker,
      isOver ? `${until} (over)` : until,
    ]),
  );
}

export function resultTable(results: readonly CachedResult[]): string {
  return table(
    ["KEY", "BATCH", "TASK", "ATTEMPT", "AT", "UNTIL", "RESULT"],
    results.map(({ key, producedBy, until, result }) => [
      key,
      producedBy?.batchId ?? "",
      producedBy?.taskId ?? "",
      String(producedBy?.attempt ?? ""),
      producedBy?.endedAt ?? "",
      until,
      result,
    ]),
  );
}

export interface QueueBacklog {
  readonly queue: string;
  readonly messages: number;
  readonly due: number;
}

export function statsText(stats: Stats, queues: readonly QueueBacklog[]): string {
  const { batches, executions, callbacks, deadLetters } = stats;
  const groups: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    batches,
    "execution records": executions,
    callbacks,
    "dead letters": { total: deadLetters.total, "not replayed": deadLetters.notReplayed },
  };
  const rows = Object.entries(groups).flatMap(([group, counts]) =>
    Object.entries(counts).map(([name, count], index) => [index === 0 ? group : "", name, String(count)]),
  );
  const backlog = queues.map(({ queue, messages, due }) => [queue, String(messages), String(due)]);
  return `${table(["WHAT", "STATE", "NUMBER"], rows)}\n\n${table(["QUEUE", "MESSAGES", "DUE"], backlog)}`;
}

/** So many at once, and how fast they begin. */
export function queueText(concurrency: number, rate: QueueRate | null): string {
  if (rate === null) return `${concurrency} at once`;
  return `${concurrency} at once, ${rate.messages} per ${formatDuration(rate.perSeconds * 1_000)}`;
}
