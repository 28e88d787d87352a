import { type Ending, incrementedCounts } from "./joins.ts";
import { limits } from "./limits.ts";
import type { Notes, StoredError, StoredResult, TaskLog } from "./records.ts";
import { isTerminal, type ParkReason, type Reason, type TerminalStatus } from "./records.ts";
import { retryDelayMs } from "./retry.ts";
import { eventTokenMark } from "./storage/collections.ts";
import type { JsonText } from "./values/json.ts";
import type { TaskDefinition } from "./workflow/definition.ts";
import type { Graph } from "./workflow/graph.ts";

/** How an attempt ended, as its TaskLog records it. */
export type AttemptOutcome =
  | { readonly kind: "succeeded"; readonly result: StoredResult; readonly notes: Notes | null }
  | {
      readonly kind: "failed";
      readonly error: StoredError;
      readonly notes: Notes | null;
      /** Shortest wait before the next attempt. */
      readonly retryAfterSeconds?: number;
    }
  /** The task waits and leaves its worker. `events`: those that end the wait early. */
  | {
      readonly kind: "parked";
      readonly reason: ParkReason;
      readonly seconds: number;
      readonly events?: readonly string[];
    }
  /** The worker stops; another one may claim the task at once. */
  | { readonly kind: "released" }
  /** An earlier call with the same idempotency key has succeeded, with this result. */
  | { readonly kind: "already_completed"; readonly result: StoredResult | null }
  /** Another call holds the key, and this task's policy is to skip instead of waiting. */
  | { readonly kind: "lock_held" }
  /** Its condition was not met, or its code threw a `Skip`. */
  | {
      readonly kind: "skipped";
      readonly reason: "condition_not_met" | "skipped_by_task";
      readonly cause: string;
      readonly notes: Notes | null;
    };

/** The stored form of a result that fits into the document that refers to it. Undefined: it has to be an object. */
export function inlineResult({ text, bytes }: JsonText): StoredResult | undefined {
  if (bytes > limits.inlineResultBytes) return undefined;
  return { value: text === "null" ? null : JSON.parse(text) };
}

/** The fields of a TaskLog that an outcome changes. */
export type Settlement = Pick<
  TaskLog,
  "status" | "reason" | "failures" | "dueSeconds" | "events" | "result" | "error" | "notes" | "skipCause"
>;

/** The fields to store for an attempt with this outcome. `random` in [0, 1) is the jitter of a retry. */
export function decideSettlement(
  task: TaskDefinition,
  log: Pick<TaskLog, "failures">,
  outcome: AttemptOutcome,
  random: number,
): Settlement {
  const unchanged = {
    failures: log.failures,
    dueSeconds: null,
    events: [],
    result: null,
    error: null,
    notes: null,
    skipCause: null,
  };
  switch (outcome.kind) {
    case "succeeded":
      return { ...unchanged, status: "SUCCESS", reason: null, result: outcome.result, notes: outcome.notes };
    case "already_completed":
      return { ...unchanged, status: "SUCCESS", reason: "already_completed", result: outcome.result };
    case "lock_held":
      return { ...unchanged, status: "SKIPPED", reason: "lock_held" };
    case "skipped":
      return {
        ...unchanged,
        // mutation: skip-is-no-success
        status: "SKIPPED",
        reason: outcome.reason,
        skipCause: outcome.cause,
        notes: outcome.notes,
      };
    case "parked":
      return {
        ...unchanged,
        status: "WAITING",
        reason: outcome.reason,
        dueSeconds: outcome.seconds,
        events: [...(outcome.events ?? [])],
      };
    case "released":
      return { ...unchanged, status: "WAITING", reason: "released", dueSeconds: 0 };
    case "failed":
      return {
        ...unchanged,
        ...settleFailure(task, log.failures + 1, outcome, random),
        notes: outcome.notes,
      };
  }
}

function settleFailure(
  task: TaskDefinition,
  failures: number,
  { error, retryAfterSeconds }: Extract<AttemptOutcome, { kind: "failed" }>,
  random: number,
) {
  // mutation: retry-after-is-respected
  const delayMs = error.retryable ? retryDelayMs(task.retry, failures, random, retryAfterSeconds) : undefined;
  if (delayMs === undefined)
    return { status: "ERROR", reason: null, dueSeconds: null, failures, error } as const;
  // mutation: retry-backs-off
  return { status: "WAITING", reason: "retry", dueSeconds: delayMs / 1_000, failures, error } as const;
}

/** The join token by which one count of a join, or of one of its shards, is taken. */
export function joinToken(batchId: string, joinId: string, count: string, shard?: number): string {
  return `${batchId}/${joinId}/${count}${shard === undefined ? "" : `/${shard}`}`;
}

/** Token by which the tasks of a batch that did not succeed are counted, and the failed ones found. */
export function batchToken(batchId: string, status: Exclude<TerminalStatus, "SUCCESS">): string {
  return `${batchId}/${status}`;
}

/** Token by which the tasks that wait for an event are found. No join has the id `event`: ids of joins are hashes. */
export function eventToken(batchId: string, event: string): string {
  return `${batchId}${eventTokenMark}${encodeURIComponent(event)}`;
}

/** The tokens of a settled task: one for each count that it adds to, or for each event that it waits for. */
export function joinTokensOnSettle(
  graph: Graph,
  batchId: string,
  taskId: string,
  log: Pick<TaskLog, "status" | "reason" | "events">,
): string[] {
  // mutation: waiting-task-is-found-by-its-events
  if (!isTerminal(log.status)) return log.events.map((event) => eventToken(batchId, event));
  const ending: Ending = { status: log.status, reason: log.reason };
  const tokens: string[] = [];
  for (const join of graph.joinsByParent.get(taskId) ?? [])
    for (const count of incrementedCounts(join, ending))
      tokens.push(joinToken(batchId, join.id, count, join.shards?.shardByParent.get(taskId)));
  // mutation: bad-endings-are-counted
  if (log.status !== "SUCCESS") tokens.push(batchToken(batchId, log.status));
  return tokens;
}

/** The TaskLog of a task that ends without running. */
export function terminalLogWithoutRun(
  graph: Graph,
  task: { readonly batchId: string; readonly taskId: string },
  end: {
    readonly status: TerminalStatus;
    readonly reason: Reason;
    readonly result?: StoredResult;
    readonly skipCause?: string | null;
  },
  stamp: { readonly nonce: string; readonly now: number },
): TaskLog {
  return {
    batchId: task.batchId,
    taskId: task.taskId,
    status: end.status,
    reason: end.reason,
    attempt: 0,
    resumes: 0,
    failures: 0,
    lostLeases: 0,
    nonce: stamp.nonce,
    worker: null,
    dueSeconds: null,
    events: [],
    startedAt: null,
    endedAt: stamp.now,
    result: end.result ?? null,
    error: null,
    notes: null,
    history: [],
    skipCause: end.skipCause ?? null,
    key: null,
    arrivals: joinTokensOnSettle(graph, task.batchId, task.taskId, { ...end, events: [] }),
  };
}
