import type { CallbackTarget } from "../core/callback.ts";
import { finalEventId } from "../core/callback.ts";
import type { TaskDefinition } from "../core/definition.ts";
import { identityOf } from "../core/execution.ts";
import type { Assignment, TaskOutcome } from "../ports/task-runner.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Claim, Claims } from "./claims.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Parents } from "./parents.ts";
import { StoredSteps } from "./step-memory.ts";

export interface FinishedAttempt {
  readonly outcome: TaskOutcome;
  /** The claim as last renewed. */
  readonly claim: Claim;
}

/** Runs one claimed attempt, keeping its claim alive. */
export async function runAttempt(
  { dependencies, claims, parents }: { dependencies: Dependencies; claims: Claims; parents: Parents },
  batch: PinnedBatch,
  task: TaskDefinition,
  claimed: Claim,
  target: CallbackTarget | undefined,
): Promise<FinishedAttempt> {
  const live = new LiveClaim(claims, claimed);
  const { log } = claimed.log;
  const execution = claimed.execution?.data;
  const { idempotencyKey, steps } = identityOf(execution, log);
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
    renew: () => live.renew(),
    parentOutcome: (taskId) => parents.outcome(batch, taskId),
    memory: new StoredSteps(dependencies, steps, batch.batchId),
    callback: target && { ...target, eventId: finalEventId(log) },
  };
  const outcome = await dependencies.runner.run(assignment);
  return { outcome, claim: await live.latest() };
}

/** A claim that moves forward with every heartbeat; one heartbeat at a time. */
class LiveClaim {
  readonly #claims: Claims;
  #current: Claim;
  #renewing: Promise<boolean> = Promise.resolve(true);

  constructor(claims: Claims, claimed: Claim) {
    this.#claims = claims;
    this.#current = claimed;
  }

  renew(): Promise<boolean> {
    this.#renewing = this.#renewing.catch(() => true).then((alive) => alive && this.#renewOnce());
    return this.#renewing;
  }

  async #renewOnce(): Promise<boolean> {
    const renewed = await this.#claims.renew(this.#current);
    if (renewed) this.#current = renewed;
    return renewed !== undefined;
  }

  /** Waits for a heartbeat under way: the outcome is committed against the newest version. */
  async latest(): Promise<Claim> {
    await this.#renewing.catch(() => undefined);
    return this.#current;
  }
}
