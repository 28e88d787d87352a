import { type CallbackTarget, finalEventId } from "../../core/callback.ts";
import { executionIdentity } from "../../core/execution-record.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { MaybePromise } from "../../ports/store.ts";
import type { Assignment } from "../../ports/task-runner.ts";
import type { Dependencies } from "../dependencies.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { Claim, Claims } from "../records/claims.ts";
import { StoredSteps } from "../steps.ts";
import type { Parents } from "./task-invocation.ts";

interface AttemptParts {
  readonly dependencies: Dependencies;
  readonly claims: Claims;
  readonly parents: Parents;
}

/** A claimed attempt that runs. Its heartbeats, one at a time, renew the lease and the lock of its idempotency key. */
export class RunningAttempt {
  /** For the task runner. */
  readonly assignment: Assignment;
  readonly #claims: Claims;
  #claim: Claim;
  #renewing: Promise<boolean> | undefined;

  constructor(
    { dependencies, claims, parents }: AttemptParts,
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: Claim,
    target: CallbackTarget | undefined,
  ) {
    this.#claims = claims;
    this.#claim = claimed;
    const { log } = claimed.log;
    const execution = claimed.execution?.data;
    const { idempotencyKey, steps } = executionIdentity(execution, log);
    const lease = log.dueSeconds ?? dependencies.settings.leaseSeconds;
    this.assignment = {
      batchId: batch.batchId,
      workflowId: batch.workflowId,
      definitionHash: batch.graph.hash,
      task,
      input: batch.input,
      attempt: log.attempt,
      idempotencyKey,
      leaseSeconds: Math.min(lease, execution?.dueSeconds ?? lease),
      renew: () => this.#renew(),
      parentOutcome: (taskId) => parents.outcome(batch, taskId),
      memory: new StoredSteps(dependencies, steps, batch.batchId),
      callback: target && { ...target, eventId: finalEventId(log) },
    };
  }

  /** The newest version of the claim, against which the outcome is committed. Waits for a running heartbeat. */
  newestClaim(): MaybePromise<Claim> {
    const newest = () => this.#claim;
    return this.#renewing ? this.#renewing.then(newest, newest) : this.#claim;
  }

  #renew(): Promise<boolean> {
    const before = this.#renewing ?? Promise.resolve(true);
    this.#renewing = before.catch(() => true).then((isAlive) => isAlive && this.#renewOnce());
    return this.#renewing;
  }

  async #renewOnce(): Promise<boolean> {
    const renewed = await this.#claims.renew(this.#claim);
    if (renewed) this.#claim = renewed;
    return renewed !== undefined;
  }
}
