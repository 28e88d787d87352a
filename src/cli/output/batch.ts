import { shortened } from "../../core/short-text.ts";
import type { BatchView, TaskView } from "../../core/views.ts";
import { durationBetween, oneLine, table } from "./text.ts";

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
      shortened(errorOf(task), shownErrorCharacters),
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
    ["input", shortened(oneLine(JSON.stringify(view.input)), 200)],
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
