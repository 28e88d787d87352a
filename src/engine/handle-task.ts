/**
 * The recursive handler: what becomes of an execute message ("run this task") and of a completion ("this task ended").
 *
 *  1. Starting a batch publishes an execute message for each task without parents.
 *  2. Claim: one conditional write to the TaskLog makes this worker the owner of the attempt for the time of a lease.
 *  3. Lock: a task with an idempotency key takes the lock of its key too, or uses the cached result, or waits.
 *  4. Run: a heartbeat renews lease and lock while the task's code runs.
 *  5. Settle: one commit stores the outcome, the join tokens, the execution record and the final callback. A worker
 *     that lost its claim is fenced: its settle is refused.
 *  6. Completion: after that commit, never before it, the ending is published (or handled at once: inline completions).
 *  7. Fan-out: a completion counts the tokens of each join, and publishes an execute message to each ready child.
 *  8. End: `$end` is a child of all leaves. Executing it stores the status of the batch.
 *  9. Every step is conditional, so a message may come twice or late. A redelivery reads the log and does what is
 *     missing.
 * 10. Before a message is acknowledged, a timer, a later message or the sweep is sure to take the task further.
 */
import type { CallbackTarget } from "../core/callback.ts";
import { BatonError } from "../core/errors/errors.ts";
import { type Execution, lockedOutcome } from "../core/idempotency-lock.ts";
import type { TaskMessage } from "../core/messages.ts";
import { isTerminal, type StoredError, toStoredError } from "../core/records.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import { conditionText } from "../core/workflow/condition.ts";
import { END_TASK_ID, type TaskDefinition } from "../core/workflow/definition.ts";
import { decideFromEndings } from "../core/workflow/graph.ts";
import { andThen, type MaybePromise } from "../ports/store.ts";
import type { TaskOutcome } from "../ports/task-runner.ts";
import { findEarlyCompletion, handleCompletion } from "./completion.ts";
import type { Ports } from "./dependencies.ts";
import { type CancelParts, endBatch } from "./end-or-cancel-batch.ts";
import { resumeIfEventReceived } from "./events.ts";
import { type Claim, RunningAttempt } from "./execute/claims.ts";
import { alongsideStepDeletion } from "./execute/end-without-run.ts";
import { settleTask, storeResultFor } from "./execute/settle-task.ts";
import { type ClaimParts, endClaimed, handleExistingLog, lostClaim } from "./execute/take-over-task.ts";
import { describeInvocation, type InvocationParts, isWanted } from "./execute/task-invocation.ts";
import { admitByKey } from "./idempotency-lock.ts";
import { executeMessage, UnitOfWork } from "./outgoing-messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import { withBoundedConcurrency } from "./records/bulk.ts";
import { retryTransient } from "./records/commit.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "./records/task-logs.ts";
import { deleteExpiredSteps } from "./steps.ts";

/** How a message was delivered. */
export interface DeliveryContext {
  /** The queue that the message came through, if the transport reports it. */
  readonly queue?: string | undefined;
  /** Created before anything that the handling of the message reads or writes. */
  readonly unit: UnitOfWork;
}

/** What becomes of a claimed task: most run at once. */
type Admission =
  /** `expired`: the old record of the key, whose steps are deleted while the task runs. */
  | {
      readonly kind: "run";
      readonly claim: Claim;
      readonly target: CallbackTarget | undefined;
      readonly expired?: Execution | undefined;
    }
  /** Another call holds the key, or has finished the work. */
  | { readonly kind: "settle"; readonly claim: Claim; readonly outcome: AttemptOutcome }
  /** It ends without running: by its condition, or because its key or its callback address can never be computed. */
  | { readonly kind: "end"; readonly outcome: AttemptOutcome }
  | { readonly kind: "lost" };

/** What the handling of a task uses. */
export interface TaskParts extends ClaimParts, CancelParts, InvocationParts, Ports<"settings"> {}

/** Executes a task, or fans out after its completion. Throws `BATCH_UNKNOWN`, `BATCH_EXPIRED`, `TASK_UNKNOWN`. */
export function handleTask(
  parts: TaskParts,
  message: TaskMessage,
  delivery: DeliveryContext,
): MaybePromise<void> {
  return andThen(parts.batches.pinned(message.batchId), (batch) =>
    handleInBatch(parts, batch, message, delivery),
  );
}

function handleInBatch(
  parts: TaskParts,
  batch: PinnedBatch,
  message: TaskMessage,
  { queue, unit }: DeliveryContext,
): MaybePromise<void> {
  const { taskId, previousTaskId, ready } = message;
  if (previousTaskId !== undefined) return handleCompletion(parts, batch, previousTaskId, message, unit);
  // mutation: unsigned-message-proves-nothing
  if (!ready) return executeIfReady(parts, batch, message, { queue, unit });
  if (taskId === END_TASK_ID) return endBatch(parts, batch);
  // A message that came another way (from outside, from a timer, from an older publisher) is published to the queue.
  const { limitedQueues } = parts.settings;
  const rerouted = limitedQueues && executeMessage(batch, taskId);
  if (rerouted && limitedQueues.has(rerouted.queue) && rerouted.queue !== queue)
    return unit.publish([rerouted]);
  return execute(parts, batch, taskId, unit);
}

/** Too early: the completions of its parents will publish it again. */
async function executeIfReady(
  parts: TaskParts,
  batch: PinnedBatch,
  message: TaskMessage,
  delivery: DeliveryContext,
): Promise<void> {
  if (await isReady(parts.logs, batch, message.taskId))
    await handleInBatch(parts, batch, { ...message, ready: true }, delivery);
}

/** Claims, admits, runs and settles a task. After each lost race the worker reads what won and decides again. */
async function execute(
  parts: TaskParts,
  batch: PinnedBatch,
  taskId: string,
  delivered: UnitOfWork,
): Promise<void> {
  const task = batch.graph.tasks.get(taskId);
  if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
  const first = parts.logs.claimFirst(batch, taskId);
  let claimed: ClaimOutcome | undefined = first instanceof Promise ? await first : first;
  for (let unit = delivered; ; unit = new UnitOfWork(parts)) {
    while (claimed?.kind === "lost")
      claimed = await handleExistingLog(parts, batch, task, claimed.current, unit);
    if (!claimed) return;
    const log: StoredLog = claimed.claim;
    const { idempotency, callback, when } = task;
    const isPlain = idempotency === undefined && callback === undefined && when === undefined;
    const admitted = isPlain ? unkeyed(log) : await admit(parts, batch, task, log);
    if (admitted.kind === "end") claimed = await endClaimed(parts, batch, task, log, admitted.outcome);
    else if (await runOrSettle(parts, batch, task, admitted, unit)) return;
    else claimed = await lostClaim(parts.logs, batch, task);
  }
}

/** Runs a claimed task, unless another call holds its idempotency key or has finished the work. */
async function admit(
  parts: TaskParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  log: StoredLog,
): Promise<Admission> {
  const { outbox } = parts;
  const skipped = await skipByCondition(parts, batch, task, log);
  if (skipped) return { kind: "end", outcome: skipped };
  const call = await describeInvocation(parts, batch, task, log).catch(toInvocationError);
  if ("code" in call) return { kind: "end", outcome: { kind: "failed", error: call, notes: null } };
  const admitted = await admitByKey(parts, task, log, call.key);
  switch (admitted.kind) {
    case "run":
      return { ...admitted, target: call.target };
    case "completed":
      // mutation: resend-is-retried
      await retryTransient(parts, () => outbox.resendOf(admitted.execution, call.target));
      return {
        kind: "settle",
        claim: withKey(log, call.key),
        outcome: { kind: "already_completed", result: admitted.execution.result },
      };
    case "locked":
      return {
        kind: "settle",
        claim: withKey(log, call.key),
        outcome: lockedOutcome(task.idempotency, log.log.resumes, admitted),
      };
    case "lost":
      return admitted;
  }
}

/** The outcome of a task that its condition ends. An attempt that waited is not asked again. */
async function skipByCondition(
  parts: TaskParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  { log }: StoredLog,
): Promise<AttemptOutcome | undefined> {
  const { when } = task;
  // mutation: resumed-attempt-is-not-asked-again
  if (!when || log.resumes > 0) return undefined;
  const wanted = await isWanted(parts, batch, task, when).catch(toInvocationError);
  if (wanted === true) return undefined;
  if (wanted === false)
    return { kind: "skipped", reason: "condition_not_met", cause: conditionText(when), notes: null };
  return { kind: "failed", error: wanted, notes: null };
}

/** False: the claim was lost. */
function runOrSettle(
  parts: TaskParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  admitted: Exclude<Admission, { kind: "end" }>,
  unit: UnitOfWork,
): MaybePromise<boolean> {
  if (admitted.kind === "lost") return false;
  if (admitted.kind === "settle")
    return settleTask(parts, batch, task, admitted.claim, { outcome: admitted.outcome });
  const { claim, target, expired } = admitted;
  const settled = run(parts, batch, task, claim, target, unit);
  if (!expired) return settled;
  return alongsideStepDeletion(settled, deleteExpiredSteps(parts, expired, unit));
}

/** The claim is durable before the task's code starts. False: the claim was lost. */
async function run(
  parts: TaskParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  claimed: Claim,
  target: CallbackTarget | undefined,
  unit: UnitOfWork,
): Promise<boolean> {
  const joins = batch.graph.joinsByParent.get(task.id) ?? [];
  batch.joins.countRunning(joins, 1);
  let outcome: TaskOutcome;
  let claim: Claim;
  try {
    // mutation: completion-follows-the-commit
    const durable = unit.durable();
    if (durable instanceof Promise) await durable;
    const ours = { ...claimed, log: { ...claimed.log, isOurs: true } };
    const attempt = new RunningAttempt(parts, batch, task, ours, target);
    const ran = parts.runner.run(attempt.assignment);
    outcome = ran instanceof Promise ? await ran : ran;
    const newest = attempt.newestClaim();
    claim = newest instanceof Promise ? await newest : newest;
  } finally {
    // mutation: ended-parent-counts-its-joins
    batch.joins.countRunning(joins, -1);
  }
  if (outcome.kind === "abandoned") return false;
  const stored = storeResultFor(parts, claim, outcome, target);
  const result = stored instanceof Promise ? await stored : stored;
  const settled = settleTask(parts, batch, task, claim, result);
  const isSettled = settled instanceof Promise ? await settled : settled;
  return isSettled && outcome.kind === "parked" ? checkParked(parts, batch, task, outcome) : isSettled;
}

/** What a parked task waits for may have been received while it parked. False: its completion was. */
async function checkParked(
  parts: TaskParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  { reason, events }: Extract<TaskOutcome, { kind: "parked" }>,
): Promise<boolean> {
  const { batchId } = batch;
  // mutation: parked-task-looks-for-events
  if (events) {
    const found = await parts.logs.read(batchId, task.id);
    if (found) await resumeIfEventReceived(parts, batch, found);
  }
  // mutation: parked-task-looks-for-a-completion
  if (reason === "completion" && (await findEarlyCompletion(parts.store, { batchId, taskId: task.id })))
    return false;
  return true;
}

/** Throws an error that a retry may cure. */
function toInvocationError(thrown: unknown): StoredError {
  if (thrown instanceof BatonError && thrown.disposition === "retry") throw thrown;
  return toStoredError(thrown);
}

/** A task without an idempotency key needs no lock. */
function unkeyed(log: StoredLog): Admission {
  return { kind: "run", claim: { log, execution: undefined }, target: undefined };
}

/** The log names the key although the lock is not ours. */
function withKey(log: StoredLog, key: string | null): Claim {
  return { log: { ...log, log: { ...log.log, key } }, execution: undefined };
}

/**
 * Whether the parents of a task, or of `$end`, have ended so that it may run. Baton's own messages are signed and say
 * so; messages from outside prove nothing.
 */
async function isReady(logs: TaskLogs, batch: PinnedBatch, taskId: string): Promise<boolean> {
  const join = batch.graph.joinByChild.get(taskId);
  if (!join) return true;
  const parents = await withBoundedConcurrency(join.parents, (parent) => logs.read(batch.batchId, parent));
  const endings = parents.flatMap((found) =>
    found && isTerminal(found.log.status) ? [{ status: found.log.status, reason: found.log.reason }] : [],
  );
  return decideFromEndings(join, taskId, endings).kind === "ready";
}
