import type { CallbackTarget } from "../../core/callback.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { lockedOutcome } from "../../core/execution-record.ts";
import { type StoredError, toStoredError } from "../../core/records.ts";
import type { AttemptOutcome } from "../../core/settlement.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { cancelRemoteJob } from "../cancel.ts";
import { type Dependencies, retryTransient } from "../dependencies.ts";
import { earlyCompletion } from "../early-completion.ts";
import type { FanOut } from "../fan-out.ts";
import { IdempotencyGate, TaskInvocations } from "../idempotency.ts";
import type { CallbackOutbox } from "../outbox.ts";
import type { PinnedBatch } from "../records/batches.ts";
import { type Claim, Claims } from "../records/claims.ts";
import { IdempotencyStore } from "../records/executions.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "../records/task-logs.ts";
import { forgetSteps, resumeIfEventReceived } from "../steps.ts";
import { UnitOfWork } from "../unit-of-work.ts";
import { Parents, runAttempt } from "./attempt.ts";
import { handleExistingLog } from "./claim-task.ts";
import { afterForgetting, endByCompletion, endWithoutRun } from "./end-task.ts";
import { type AttemptResult, OutcomeCommitter, storeResultFor } from "./settle-task.ts";

export interface ExecutorParts {
  readonly dependencies: Dependencies;
  readonly logs: TaskLogs;
  readonly claims: Claims;
  readonly records: IdempotencyStore;
  readonly parents: Parents;
  readonly calls: TaskInvocations;
  readonly admission: IdempotencyGate;
  readonly settlements: OutcomeCommitter;
  readonly fanOut: FanOut;
  readonly outbox: CallbackOutbox;
}

/** Runs tasks: claim, admit, run, commit the outcome, publish the completion. */
export class Executor {
  readonly #parts: ExecutorParts;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Whatever it finds, when it returns something durable will take the task further without this message. */
  async execute(batch: PinnedBatch, taskId: string, unit: UnitOfWork): Promise<void> {
    const task = batch.graph.tasks.get(taskId);
    if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
    await this.#continue(batch, task, await this.#parts.logs.claimFirst(batch, taskId), unit);
  }

  /** See `endByCompletion`. */
  complete(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog,
    outcome: AttemptOutcome,
  ): Promise<boolean> {
    return endByCompletion(this.#parts, batch, task, found, outcome);
  }

  /** Ends a task whose time is over. */
  async end(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog,
    outcome: AttemptOutcome,
  ): Promise<void> {
    if (!(await endWithoutRun(this.#parts, batch, task, found, outcome)))
      await this.#continueFromStore(batch, task);
  }

  /** Follows a claim to its end; after every lost race, decides anew from what won. */
  async #continue(
    batch: PinnedBatch,
    task: TaskDefinition,
    outcome: ClaimOutcome,
    unit: UnitOfWork,
  ): Promise<void> {
    let claim = outcome;
    while (claim.kind === "lost") {
      // A worker that died after the cancel had looked may have begun something elsewhere: its message comes again.
      if (claim.current?.log.status === "CANCELLED")
        await cancelRemoteJob(this.#parts, batch, claim.current.log);
      const end = (found: StoredLog, outcome: AttemptOutcome) => this.end(batch, task, found, outcome);
      const complete = (found: StoredLog, outcome: AttemptOutcome) =>
        this.complete(batch, task, found, outcome);
      const next = await handleExistingLog(
        { ...this.#parts, end, complete },
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
    const unit = new UnitOfWork(this.#parts.dependencies);
    const current = await this.#parts.logs.read(batch.batchId, task.id);
    // Forgotten; or undone with our claim, and then the message comes again. Claimed anew, a forgotten batch would go on.
    if (!current) return;
    await this.#continue(batch, task, { kind: "lost", current }, unit);
  }

  /** Runs a claimed task, unless its idempotency key says that it is done or being done. */
  async #admit(batch: PinnedBatch, task: TaskDefinition, log: StoredLog, unit: UnitOfWork): Promise<void> {
    const { dependencies, calls, admission, outbox } = this.#parts;
    const unkeyed: Claim = { log, execution: undefined };
    if (!task.idempotency && !task.callback) return await this.#run(batch, task, unkeyed, undefined, unit);
    const call = await calls.describe(batch, task, log).catch(failureOfCall);
    if ("code" in call) return this.end(batch, task, log, { kind: "failed", error: call, notes: null });
    const admitted = await admission.admit(batch, task, log, call.key);
    switch (admitted.kind) {
      case "run":
        return afterForgetting(
          this.#run(batch, task, admitted.claim, call.target, unit),
          forgetSteps(dependencies, admitted.spent, unit),
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

  /** The claim is durable before the task's code begins. */
  async #run(
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: Claim,
    target: CallbackTarget | undefined,
    unit: UnitOfWork,
  ): Promise<void> {
    const { dependencies } = this.#parts;
    // mutation: completion-follows-the-commit
    await unit.durable();
    const ours = { ...claimed, log: { ...claimed.log, isOurs: true } };
    const { outcome, claim } = await runAttempt(this.#parts, batch, task, ours, target);
    if (outcome.kind === "abandoned") return this.#continueFromStore(batch, task);
    await this.#settle(batch, task, claim, await storeResultFor(dependencies, claim, outcome, target));
    // mutation: parked-task-looks-for-events
    if (outcome.kind === "parked" && outcome.events) await this.#wakeIfSent(batch, task);
    // mutation: parked-task-looks-for-a-completion
    if (outcome.kind === "parked" && outcome.reason === "completion") await this.#goOnIfKept(batch, task);
  }

  /** An event may have come between the task's look for it and its parking: then nobody else wakes the task. */
  async #wakeIfSent(batch: PinnedBatch, task: TaskDefinition): Promise<void> {
    const found = await this.#parts.logs.read(batch.batchId, task.id);
    if (found) await resumeIfEventReceived(this.#parts, batch, found);
  }

  /** A completion may have come before the task waited for it, which its receiver could not see. */
  async #goOnIfKept(batch: PinnedBatch, task: TaskDefinition): Promise<void> {
    const { store } = this.#parts.dependencies;
    const kept = await earlyCompletion(store, { batchId: batch.batchId, taskId: task.id });
    if (kept) await this.#continueFromStore(batch, task);
  }

  async #settle(
    batch: PinnedBatch,
    task: TaskDefinition,
    claim: Claim,
    conclusion: AttemptResult,
  ): Promise<void> {
    const settled = await this.#parts.settlements.settle(batch, task, claim, conclusion);
    if (!settled) await this.#continueFromStore(batch, task);
  }
}

/** Why a call can't be made at all. */
function failureOfCall(thrown: unknown): StoredError {
  if (thrown instanceof BatonError && thrown.disposition === "retry") throw thrown;
  return toStoredError(thrown);
}

/** The key is known, though the lock is not ours. */
function withKey({ log, execution }: Claim, key: string | null): Claim {
  return { log: { ...log, log: { ...log.log, key } }, execution };
}

/** The executor with its parts. */
export function createExecutor(
  dependencies: Dependencies,
  logs: TaskLogs,
  outbox: CallbackOutbox,
  fanOut: FanOut,
): Executor {
  const parents = new Parents(dependencies, logs);
  const claims = new Claims(dependencies);
  const records = new IdempotencyStore(dependencies.store);
  return new Executor({
    dependencies,
    logs,
    claims,
    records,
    parents,
    calls: new TaskInvocations(dependencies.runner, parents),
    admission: new IdempotencyGate(dependencies, logs, claims, records),
    settlements: new OutcomeCommitter(dependencies, claims, fanOut),
    fanOut,
    outbox,
  });
}
