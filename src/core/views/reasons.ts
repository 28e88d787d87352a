import { remedyFor } from "../errors/error-catalog.ts";
import { type DisplayStatus, isTerminal, type TaskBatch, type TaskLog } from "../records.ts";
import { quoteForShell } from "../values/text.ts";
import { isoTime } from "../values/time.ts";
import type { ChildRule, TaskDefinition } from "../workflow/definition.ts";

/** Why a task is as it is, in words, and what a person can do about it. */
export interface TaskExplanation {
  readonly why: string;
  /** What to do. Null: nothing is needed. */
  readonly remedy: string | null;
  /** Commands that move it on. */
  readonly commands: readonly string[];
}

export interface ExplainedTask {
  readonly batch: Pick<TaskBatch, "batchId" | "status">;
  readonly task: Pick<TaskDefinition, "id" | "after" | "rule" | "retry" | "when">;
  readonly log: TaskLog | undefined;
  /** When its log was last written, by the store's clock. */
  readonly writtenAt: number;
  readonly statusOf: (taskId: string) => DisplayStatus;
}

export function explainTask(explained: ExplainedTask): TaskExplanation {
  const { log } = explained;
  if (!log) return notStarted(explained);
  switch (log.status) {
    case "PROCESSING":
      return plain(
        `Attempt ${log.attempt} runs on ${log.worker ?? "a worker"}. Unless a heartbeat extends its lease, another ` +
          `worker may take over ${until(explained, log)}.`,
      );
    case "WAITING":
      return waiting(explained, log);
    case "SUCCESS":
      return succeeded(log);
    case "ERROR":
      return failed(explained, log);
    case "SKIPPED":
      return skipped(explained, log);
    case "CANCELLED":
      return plain("The batch was cancelled before this task had ended.", "Retry the batch to run it.", [
        `baton retry ${explained.batch.batchId}`,
      ]);
  }
}

function plain(why: string, remedy: string | null = null, commands: readonly string[] = []): TaskExplanation {
  return { why, remedy, commands };
}

function notStarted({ batch, task, statusOf }: ExplainedTask): TaskExplanation {
  if (batch.status !== "RUNNING") return plain(`The batch ended ${batch.status} before this task started.`);
  const open = task.after.filter((parent) => !isTerminal(statusOf(parent)));
  if (open.length > 0) return plain(`It waits for ${names(open)} to end${ofParents(open, task.after)}.`);
  const since = task.after.length === 0 ? "It has no parents" : "Its parents have ended";
  return plain(
    `${since}, and it was handed to a worker. It starts when one is free.`,
    "If it does not start within minutes, check that a server runs and that its queue has room: `baton doctor`.",
    ["baton inspect stats", "baton doctor"],
  );
}

function ofParents(open: readonly string[], all: readonly string[]): string {
  return all.length === open.length ? "" : ` (${open.length} of ${all.length} parents)`;
}

const shownNames = 3;

function names(ids: readonly string[]): string {
  const shown = ids.slice(0, shownNames).join(", ");
  return ids.length > shownNames ? `${shown} and ${ids.length - shownNames} more` : shown;
}

function waiting(explained: ExplainedTask, log: TaskLog): TaskExplanation {
  const { batchId } = explained.batch;
  const when = until(explained, log);
  switch (log.reason) {
    case "retry": {
      const next = `Attempt ${log.attempt + 1} of ${explained.task.retry.maxAttempts} starts ${when}`;
      const code = log.error?.code ?? "";
      return plain(
        `Attempt ${log.attempt} failed${code === "" ? "" : ` with ${code}`}. ${next}.`,
        remedyOf(log),
      );
    }
    case "event": {
      const limit = log.dueSeconds === null ? "without a limit" : when.replace("at", "until");
      return plain(
        `It waits for the event ${log.events.join(" or ")}, ${limit}.`,
        "It continues when the event is sent.",
        log.events.map((event) => `baton event ${batchId} ${quoteForShell(event)}`),
      );
    }
    case "completion":
      return plain(
        `Another system or a person has to report how it ended, ${when}.`,
        "Report it when the work is done.",
        [`baton complete ${batchId} ${log.taskId} --result '{}'`],
      );
    case "lock_held":
      return plain(
        `Another call with the same key runs, and this one waits for its lock. It tries again ${when}.`,
        "The page of the key shows which task holds the lock.",
        log.key === null ? [] : [`baton explain ${quoteForShell(log.key)}`],
      );
    case "sleep":
      return plain(`It sleeps ${when}.`);
    case "poll":
      return plain(`It polls another system, and looks again ${when}.`);
    default:
      return plain(`It was released, since its worker stopped. A worker resumes it ${when}.`);
  }
}

function until({ writtenAt }: ExplainedTask, { dueSeconds }: TaskLog): string {
  return dueSeconds === null ? "when it is resumed" : `at ${isoTime(writtenAt + dueSeconds * 1_000)}`;
}

function succeeded(log: TaskLog): TaskExplanation {
  if (log.reason === "already_completed")
    return plain(
      "It did not run: an earlier call with the same key had succeeded, and its stored result was used.",
      "To have the next call run, clear the result.",
      log.key === null ? [] : [`baton clear-result ${quoteForShell(log.key)}`],
    );
  if (log.reason === "inherited")
    return plain("It did not run: an earlier run of this lineage had succeeded with it.");
  return plain(log.attempt > 1 ? `Attempt ${log.attempt} succeeded.` : "It succeeded at the first attempt.");
}

function failed({ batch, task }: ExplainedTask, log: TaskLog): TaskExplanation {
  const { error, attempt } = log;
  const ended =
    error?.retryable === false
      ? `Attempt ${attempt} failed with ${error.code}, which is not retried.`
      : attempt === 1 && task.retry.maxAttempts === 1
        ? "Its only attempt failed."
        : `Attempt ${attempt} of ${task.retry.maxAttempts} failed, and it is not tried again.`;
  const commands = batch.status === "RUNNING" ? [] : [`baton retry ${batch.batchId}`];
  return plain(ended, remedyOf(log) ?? "Correct the cause, then retry the batch.", commands);
}

function remedyOf({ error }: TaskLog): string | null {
  return error === null ? null : (remedyFor(error.code) ?? null);
}

function skipped({ task, statusOf }: ExplainedTask, log: TaskLog): TaskExplanation {
  const unsuccessful = (status: DisplayStatus) => task.after.filter((parent) => statusOf(parent) === status);
  switch (log.reason) {
    case "lock_held":
      return plain("Another call with the same key was running, and this task skips then (onLocked: skip).");
    case "upstream_failed":
      return plain(
        `${sentence(unsuccessful("ERROR"), "failed", "A task above it failed")}, and it runs only ` +
          `${ruleText(task.rule)}.`,
        "Correct the failed task, then retry the batch.",
      );
    case "upstream_skipped":
      return plain(
        `${sentence(unsuccessful("SKIPPED"), "was skipped", "A task above it was skipped")}, and it runs only ` +
          `${ruleText(task.rule)}.`,
      );
    case "condition_not_met":
      return plain(
        log.skipCause === null || task.when?.by !== "expression"
          ? "Its condition, the function `when` of its workflow, returned false."
          : `Its condition is not met: ${log.skipCause}`,
      );
    case "skipped_by_task":
      return plain(`Its code skipped the rest of its work: ${log.skipCause ?? "it gave no cause"}`);
    default:
      return plain(`The endings of its parents do not meet its rule: it runs only ${ruleText(task.rule)}.`);
  }
}

function sentence(ids: readonly string[], what: string, otherwise: string): string {
  return ids.length === 0 ? otherwise : `${names(ids)} ${what}`;
}

function ruleText(rule: ChildRule): string {
  switch (rule) {
    case "all_succeeded":
      return "if all its parents succeed";
    case "none_failed":
      return "if no parent fails and at least one succeeds";
    case "all_ended":
      return "when all its parents have ended";
    case "any_succeeded":
      return "if at least one parent succeeds";
    case "any_failed":
      return "if at least one parent fails";
  }
}
