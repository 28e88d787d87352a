import { type CallbackTarget, finalEventId } from "../../core/callback.ts";
import { executionIdentity } from "../../core/execution-record.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Assignment, TaskOutcome } from "../../ports/task-runner.ts";
import type { Dependencies } from "../dependencies.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { Claim, Claims } from "../records/claims.ts";
import { StoredSteps } from "../steps.ts";
import type { Parents } from "./task-invocation.ts";

interface FinishedAttempt {
  readonly outcome: TaskOutcome;
  /** The claim as last renewed. */
  readonly claim: Claim;
}

/** Runs one claimed attempt. Its heartbeat renews the lease and the lock of its idempotency key. */
export async function runWithHeartbeat(
  { dependencies, claims, parents }: { dependencies: Dependencies; claims: Claims; parents: Parents },
  batch: PinnedBatch,
  task: TaskDefinition,
  claimed: Claim,
  target: CallbackTarget | undefined,
): Promise<FinishedAttempt> {
  const heartbeat = new Heartbeat(claims, claimed);
  const { log } = claimed.log;
  const execution = claimed.execution?.data;
  const { idempotencyKey, steps } = executionIdentity(execution, log);
  const lease = log.dueSeconds ?? dependencies.settings.leaseSeconds;
  const assignment: Assignment = {
    batchId: batch.batchId,
    workflowId: batch.workflowId,
    definitionHash: batch.graph.hash,
    task,
    input: batch.input,
    attempt: log.attempt,
    idempotencyKey,
    leaseSeconds: Math.min(lease, execution?.dueSeconds ?? lease),
    renew: () => heartbeat.renew(),
    parentOutcome: (taskId) => parents.outcome(batch, taskId),
    memory: new StoredSteps(dependencies, steps, batch.batchId),
    callback: target && { ...target, eventId: finalEventId(log) },
  };
  const outcome = await dependencies.runner.run(assignment);
  return { outcome, claim: await heartbeat.latest() };
}

/** Holds the newest version of a claim. Heartbeats run one at a time. */
class Heartbeat {
  readonly #claims: Claims;
  #current: Claim;
  #renewing: Promise<boolean> = Promise.resolve(true);

  constructor(claims: Claims, claimed: Claim) {
    this.#claims = claims;
    this.#current = claimed;
  }

  renew(): Promise<boolean> {
    this.#renewing = this.#renewing.catch(() => true).then((isAlive) => isAlive && this.#renewOnce());
    return this.#renewing;
  }

  async #renewOnce(): Promise<boolean> {
    const renewed = await this.#claims.renew(this.#current);
    if (renewed) this.#current = renewed;
    return renewed !== undefined;
  }

  /** Waits for a running heartbeat: the outcome is committed against the newest version. */
  async latest(): Promise<Claim> {
    await this.#renewing.catch(() => undefined);
    return this.#current;
  }
}
