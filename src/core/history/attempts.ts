import { isFailure } from "../joins.ts";
import { limits } from "../limits.ts";
import { type EarlierAttempt, isTerminal, type StoredError, type TaskLog } from "../records.ts";
import { truncate } from "../values/text.ts";
import type { TaskDefinition } from "../workflow/definition.ts";

type Attempted = Pick<TaskLog, "attempt" | "startedAt" | "worker" | "history">;

type AttemptError = Omit<StoredError, "retryable">;

/** How an attempt ended that another one follows. */
export interface AttemptEnd {
  readonly outcome: EarlierAttempt["outcome"];
  readonly endedAt: number;
  readonly error?: StoredError | null;
}

/**
 * The history of a TaskLog whose current attempt has ended and is followed by another one. It is written by the commit
 * that ends the attempt: the settle, or the claim of a worker that takes over an expired lease.
 */
export function historyAfter(log: Attempted, { outcome, endedAt, error }: AttemptEnd): EarlierAttempt[] {
  const { attempt, startedAt, worker, history } = log;
  const ended: EarlierAttempt = { attempt, outcome, startedAt, endedAt };
  if (worker !== null) ended.worker = worker;
  if (error) ended.error = shortError(error);
  // mutation: history-is-bounded
  return [...history, ended].slice(-limits.shownAttempts);
}

/** An attempt that was settled is added if another one follows it. The last one is in the other fields. */
export function historyOnSettle(
  log: TaskLog,
  { reason, error }: Pick<TaskLog, "reason" | "error">,
  endedAt: number,
): EarlierAttempt[] {
  // mutation: failed-attempt-is-in-the-history
  if (reason === "retry") return historyAfter(log, { outcome: "failed", endedAt, error });
  return reason === "released" ? historyAfter(log, { outcome: "released", endedAt }) : log.history;
}

/** An attempt whose worker still had the lease when it expired is lost. `writtenAt`: when the lease began. */
export function historyOnClaim(log: TaskLog, writtenAt: number): EarlierAttempt[] {
  // mutation: lost-attempt-is-in-the-history
  if (log.status !== "PROCESSING") return log.history;
  return historyAfter(log, { outcome: "lost", endedAt: writtenAt + (log.dueSeconds ?? 0) * 1_000 });
}

/** The error as lists and histories keep it: it is stored many times, so its message is cut. */
export function shortError({ code, message, place }: StoredError): AttemptError {
  const text = truncate(message, limits.shortErrorCharacters);
  return { code, message: text, ...(place !== undefined && { place }) };
}

/** One attempt of a task, as it is shown. Times are in milliseconds since 1970. */
export interface ShownAttempt {
  readonly attempt: number;
  /** `running`: it runs, or waits and will be resumed. */
  readonly outcome: EarlierAttempt["outcome"] | "running" | "succeeded" | "skipped" | "cancelled";
  /** Null if it never ran, as when the work was done by an earlier call. */
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly worker: string | null;
  readonly error: AttemptError | null;
  /** Time between the end of the attempt before, or the moment the task became ready, and its start. */
  readonly waitedMs: number | null;
}

const outcomes = {
  SUCCESS: "succeeded",
  ERROR: "failed",
  SKIPPED: "skipped",
  CANCELLED: "cancelled",
} as const;

/** The attempts of a task that are known, oldest first. `readyAt`: when the task became ready, if that is known. */
export function shownAttempts(log: TaskLog, readyAt: number | null): ShownAttempt[] {
  const attempts: Omit<ShownAttempt, "waitedMs">[] = log.history.map((earlier) => ({
    ...earlier,
    worker: earlier.worker ?? null,
    error: earlier.error ?? null,
  }));
  const isCurrentShown = log.attempt > 0 && log.history.at(-1)?.attempt !== log.attempt;
  if (isCurrentShown) attempts.push(currentAttempt(log));
  return attempts.map((shown, index) => {
    const before = index > 0 ? attempts[index - 1]?.endedAt : shown.attempt === 1 ? readyAt : null;
    const isKnown = before !== null && before !== undefined && shown.startedAt !== null;
    // The clocks of two workers may differ.
    return { ...shown, waitedMs: isKnown ? Math.max(0, shown.startedAt - before) : null };
  });
}

function currentAttempt({ attempt, status, startedAt, endedAt, worker, error }: TaskLog) {
  const outcome = isTerminal(status) ? outcomes[status] : "running";
  return { attempt, outcome, startedAt, endedAt, worker, error: error && shortError(error) } as const;
}

/**
 * When a task became ready to run: when its last parent ended, or the first one that decides an `any_…` rule. Null: it
 * is not ready, or never was. It is computed from the ends of the parents, so no commit has to store it.
 */
export function readyTime(
  { rule, after }: Pick<TaskDefinition, "rule" | "after">,
  createdAt: number,
  logOf: (taskId: string) => TaskLog | undefined,
): number | null {
  const ends = after.map((taskId) => endOf(logOf(taskId)));
  const known = ends.filter((end) => end !== undefined);
  const succeeded = known.filter(({ ending }) => ending.status === "SUCCESS");
  const atLast = (deciding: typeof known) =>
    deciding.length === ends.length ? Math.max(createdAt, ...deciding.map(({ at }) => at)) : null;
  const atFirst = (deciding: typeof known) =>
    deciding.length === 0 ? null : Math.max(createdAt, Math.min(...deciding.map(({ at }) => at)));
  if (rule === "any_succeeded") return atFirst(succeeded);
  if (rule === "any_failed") return atFirst(known.filter(({ ending }) => isFailure(ending)));
  if (rule === "none_failed") return atLast(known.filter(({ ending }) => !isFailure(ending)));
  return atLast(rule === "all_succeeded" ? succeeded : known);
}

function endOf(log: TaskLog | undefined) {
  if (!log || !isTerminal(log.status)) return undefined;
  const { status, reason, endedAt } = log;
  return { ending: { status, reason }, at: endedAt ?? 0 };
}
