import { type CallbackTarget, finalEventId } from "../../core/callback.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { executionIdentity } from "../../core/execution-record.ts";
import type { TemplateScope } from "../../core/template/template.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Assignment, ParentOutcome, TaskOutcome } from "../../ports/task-runner.ts";
import { type Dependencies, retryTransient } from "../dependencies.ts";
import type { PinnedBatch } from "../records/batches.ts";
import type { Claim, Claims } from "../records/claims.ts";
import { readResult } from "../records/results.ts";
import type { TaskLogs } from "../records/task-logs.ts";
import { StoredSteps } from "../steps.ts";

/** What the parents of a task left behind. */
export class Parents {
  readonly #dependencies: Dependencies;
  readonly #logs: TaskLogs;

  constructor(dependencies: Dependencies, logs: TaskLogs) {
    this.#dependencies = dependencies;
    this.#logs = logs;
  }

  outcome(batch: PinnedBatch, taskId: string): Promise<ParentOutcome> {
    // mutation: parent-store-errors-are-retried
    return retryTransient(this.#dependencies, () => this.#outcome(batch, taskId));
  }

  async #outcome(batch: PinnedBatch, taskId: string): Promise<ParentOutcome> {
    const found = await this.#logs.read(batch.batchId, taskId);
    if (!found) throw new Error(`The TaskLog of parent ${taskId} is gone`);
    const { status, result, error } = found.log;
    return { status, error, result: await readResult(this.#dependencies.objects, result) };
  }

  /** What `{{ … }}` in the definition of a task refers to. */
  templateScope(batch: PinnedBatch, taskId: string): TemplateScope {
    return {
      batchId: batch.batchId,
      input: batch.input,
      parent: (parentId) => this.#resultOf(batch, taskId, parentId),
    };
  }

  async #resultOf(batch: PinnedBatch, taskId: string, parentId: string): Promise<JsonValue> {
    if (!batch.graph.tasks.get(taskId)?.after.includes(parentId))
      throw new BatonError("NOT_A_PARENT", `Task ${taskId} does not name ${parentId} in \`after\``);
    return (await this.outcome(batch, parentId)).result;
  }
}

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
