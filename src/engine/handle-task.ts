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
 *  7. Fan-out: a completion counts the tokens of each join and publishes an execute message to each child that is ready.
 *  8. End: `$end` is a child of all leaves. Executing it stores the status of the batch.
 *  9. Every step is conditional, so a message may come twice or late. A redelivery reads the log and does what is missing.
 * 10. Before a message is acknowledged, a timer, a later message or the sweep is sure to take the task further.
 */
import type { CallbackTarget } from "../core/callback.ts";
import { BatonError } from "../core/errors/errors.ts";
import { lockedOutcome } from "../core/execution-record.ts";
import type { TaskMessage } from "../core/messages.ts";
import { isTerminal, type StoredError, toStoredError } from "../core/records.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import { END_TASK_ID } from "../core/workflow/definition.ts";
import { decideFromEndings } from "../core/workflow/graph.ts";
import type { CallbackOutbox } from "./callback-outbox.ts";
import { cancelRemoteJob } from "./cancel-remote-job.ts";
import { Completions, findEarlyCompletion } from "./completion.ts";
import type { Dependencies } from "./dependencies.ts";
import { endBatch } from "./end-or-cancel-batch.ts";
import { resumeIfEventReceived } from "./events.ts";
import { handleExistingLog } from "./execute/claim-task.ts";
import { alongsideStepDeletion, endByCompletion, endWithoutRun } from "./execute/end-without-run.ts";
import { runWithHeartbeat } from "./execute/run-with-heartbeat.ts";
import { type AttemptResult, OutcomeCommitter, storeResultFor } from "./execute/settle-task.ts";
import { Parents, TaskInvocations } from "./execute/task-invocation.ts";
import { FanOut } from "./fan-out.ts";
import { IdempotencyGate } from "./idempotency-lock.ts";
import { executeMessage, UnitOfWork } from "./outgoing-messages.ts";
import type { Batches, PinnedBatch } from "./records/batches.ts";
import { withBoundedConcurrency } from "./records/bulk.ts";
import { type Claim, Claims } from "./records/claims.ts";
import { retryTransient } from "./records/commit.ts";
import { IdempotencyStore } from "./records/idempotency-records.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "./records/task-logs.ts";
import { deleteExpiredSteps } from "./steps.ts";

/** How a message was delivered. */
export interface DeliveryContext {
  /** The queue that the message came through, if the transport reports it. */
  readonly queue?: string | undefined;
  /** Created before anything that the handling of the message reads or writes. */
  readonly unit: UnitOfWork;
}

/** Handles task messages: execute a task, or fan out after its completion. */
export class TaskHandler {
  readonly #dependencies: Dependencies;
  readonly #batches: Batches;
  readonly #logs: TaskLogs;
  readonly #outbox: CallbackOutbox;
  readonly #records: IdempotencyStore;
  readonly #parents: Parents;
  readonly #claims: Claims;
  readonly #invocations: TaskInvocations;
  readonly #gate: IdempotencyGate;
  readonly #fanOut: FanOut;
  readonly #committer: OutcomeCommitter;
  readonly #completions: Completions;

  constructor(dependencies: Dependencies, batches: Batches, logs: TaskLogs, outbox: CallbackOutbox) {
    this.#dependencies = dependencies;
    this.#batches = batches;
    this.#logs = logs;
    this.#outbox = outbox;
    this.#records = new IdempotencyStore(dependencies.store);
    this.#parents = new Parents(dependencies, logs);
    this.#claims = new Claims(dependencies);
    this.#invocations = new TaskInvocations(dependencies.runner, this.#parents);
    this.#gate = new IdempotencyGate(dependencies, logs, this.#claims, this.#records);
    this.#fanOut = new FanOut(dependencies);
    this.#committer = new OutcomeCommitter(dependencies, this.#claims, this.#fanOut);
    this.#completions = new Completions(dependencies, logs, this.#fanOut, this.#endByCompletion.bind(this));
  }

  /** Throws `BATCH_UNKNOWN`, `BATCH_EXPIRED`, `TASK_UNKNOWN`. */
  async handle(message: TaskMessage, delivery: DeliveryContext): Promise<void> {
    const { unit } = delivery;
    const { batchId, taskId } = message;
    const batch = await this.#batches.pinned(batchId);
    if (message.previousTaskId !== undefined)
      return await this.#completions.handle(batch, message.previousTaskId, message, unit);
    // Too early: the completions of its parents will publish it again.
    // mutation: unsigned-message-proves-nothing
    if (!message.ready && !(await isReady(this.#logs, batch, taskId))) return;
    if (taskId === END_TASK_ID) return await endBatch(this.#dependencies, this.#batches, this.#logs, batchId);
    if (await this.#rerouteToQueue(batch, taskId, delivery)) return;
    await this.#execute(batch, taskId, unit);
  }

  /**
   * A task of a queue with limits runs only when its message came through that queue. A message that came another way
   * (from outside, from a timer, from an older publisher) is published to the queue instead; then returns true.
   */
  async #rerouteToQueue(
    batch: PinnedBatch,
    taskId: string,
    { queue, unit }: DeliveryContext,
  ): Promise<boolean> {
    const rerouted = executeMessage(batch, taskId);
    const isLimited = this.#dependencies.settings.limitedQueues?.has(rerouted.queue) ?? false;
    if (!isLimited || rerouted.queue === queue) return false;
    await unit.publish([rerouted]);
    return true;
  }

  async #execute(batch: PinnedBatch, taskId: string, unit: UnitOfWork): Promise<void> {
    const task = batch.graph.tasks.get(taskId);
    if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
    await this.#continue(batch, task, await this.#logs.claimFirst(batch, taskId), unit);
  }

  /** Claims the task. After each lost race the worker reads what won and decides again. */
  async #continue(
    batch: PinnedBatch,
    task: TaskDefinition,
    outcome: ClaimOutcome,
    unit: UnitOfWork,
  ): Promise<void> {
    let claim = outcome;
    while (claim.kind === "lost") {
      // A worker that died after the cancel had looked may have left a remote job running.
      if (claim.current?.log.status === "CANCELLED")
        await cancelRemoteJob(
          { dependencies: this.#dependencies, logs: this.#logs, records: this.#records },
          batch,
          claim.current.log,
        );
      const next = await handleExistingLog(
        {
          dependencies: this.#dependencies,
          logs: this.#logs,
          fanOut: this.#fanOut,
          end: (found, ending) => this.#end(batch, task, found, ending),
          complete: (found, ending) => this.#endByCompletion(batch, task, found, ending),
        },
        batch,
        task,
        claim.current,
        unit,
      );
      if (!next) return;
      claim = next;
    }
    await this.#admit(batch, task, claim.claim, unit);
  }

  async #continueFromStore(batch: PinnedBatch, task: TaskDefinition): Promise<void> {
    const unit = new UnitOfWork(this.#dependencies);
    const current = await this.#logs.read(batch.batchId, task.id);
    // Erased, or undone together with our claim: then the message is redelivered. A claim would revive an erased batch.
    if (!current) return;
    await this.#continue(batch, task, { kind: "lost", current }, unit);
  }

  /** Runs a claimed task, unless another call holds its idempotency key or has finished the work. */
  async #admit(batch: PinnedBatch, task: TaskDefinition, log: StoredLog, unit: UnitOfWork): Promise<void> {
    const dependencies = this.#dependencies;
    const outbox = this.#outbox;
    const unkeyed: Claim = { log, execution: undefined };
    if (!task.idempotency && !task.callback) return await this.#run(batch, task, unkeyed, undefined, unit);
    const call = await this.#invocations.describe(batch, task, log).catch(toInvocationError);
    if ("code" in call) return this.#end(batch, task, log, { kind: "failed", error: call, notes: null });
    const admitted = await this.#gate.admit(batch, task, log, call.key);
    switch (admitted.kind) {
      case "run":
        return alongsideStepDeletion(
          this.#run(batch, task, admitted.claim, call.target, unit),
          deleteExpiredSteps(dependencies, admitted.expired, unit),
        );
      case "completed":
        // mutation: resend-is-retried
        await retryTransient(dependencies, () => outbox.resendOf(admitted.execution, call.target));
        return this.#settle(batch, task, withKey(unkeyed, call.key), {
          outcome: { kind: "already_completed", result: admitted.execution.result },
        });
      case "locked":
        return this.#settle(batch, task, withKey(unkeyed, call.key), {
          outcome: lockedOutcome(task.idempotency, log.log.resumes, admitted),
        });
      case "lost":
        return this.#continueFromStore(batch, task);
    }
  }

  /** The claim is durable before the task's code starts. */
  async #run(
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: Claim,
    target: CallbackTarget | undefined,
    unit: UnitOfWork,
  ): Promise<void> {
    const dependencies = this.#dependencies;
    // mutation: completion-follows-the-commit
    await unit.durable();
    const ours = { ...claimed, log: { ...claimed.log, isOurs: true } };
    const parts = { dependencies, claims: this.#claims, parents: this.#parents };
    const { outcome, claim } = await runWithHeartbeat(parts, batch, task, ours, target);
    if (outcome.kind === "abandoned") return this.#continueFromStore(batch, task);
    await this.#settle(batch, task, claim, await storeResultFor(dependencies, claim, outcome, target));
    // mutation: parked-task-looks-for-events
    if (outcome.kind === "parked" && outcome.events) await this.#resumeIfEventReceived(batch, task);
    // mutation: parked-task-looks-for-a-completion
    if (outcome.kind === "parked" && outcome.reason === "completion")
      await this.#continueIfCompleted(batch, task);
  }

  /** An event may have been received after the task looked for it and before it parked: then only this resumes it. */
  async #resumeIfEventReceived(batch: PinnedBatch, task: TaskDefinition): Promise<void> {
    const found = await this.#logs.read(batch.batchId, task.id);
    if (found)
      await resumeIfEventReceived({ dependencies: this.#dependencies, logs: this.#logs }, batch, found);
  }

  /** A completion may have been received before the task parked: its receiver stored it and could not apply it. */
  async #continueIfCompleted(batch: PinnedBatch, task: TaskDefinition): Promise<void> {
    const { store } = this.#dependencies;
    const early = await findEarlyCompletion(store, { batchId: batch.batchId, taskId: task.id });
    if (early) await this.#continueFromStore(batch, task);
  }

  async #settle(
    batch: PinnedBatch,
    task: TaskDefinition,
    claim: Claim,
    result: AttemptResult,
  ): Promise<void> {
    const settled = await this.#committer.settle(batch, task, claim, result);
    if (!settled) await this.#continueFromStore(batch, task);
  }

  /** Ends a task that is not run any more. */
  async #end(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog,
    outcome: AttemptOutcome,
  ): Promise<void> {
    if (!(await endWithoutRun(this.#endingParts(), batch, task, found, outcome)))
      await this.#continueFromStore(batch, task);
  }

  #endByCompletion(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog,
    outcome: AttemptOutcome,
  ): Promise<boolean> {
    return endByCompletion(this.#endingParts(), batch, task, found, outcome);
  }

  #endingParts() {
    return {
      dependencies: this.#dependencies,
      records: this.#records,
      invocations: this.#invocations,
      gate: this.#gate,
      committer: this.#committer,
      outbox: this.#outbox,
    };
  }
}

/** Throws an error that a retry may cure. */
function toInvocationError(thrown: unknown): StoredError {
  if (thrown instanceof BatonError && thrown.disposition === "retry") throw thrown;
  return toStoredError(thrown);
}

/** The log names the key although the lock is not ours. */
function withKey({ log, execution }: Claim, key: string | null): Claim {
  return { log: { ...log, log: { ...log.log, key } }, execution };
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
