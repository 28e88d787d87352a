import type { TaskDefinition } from "../core/definition.ts";
import type { AttemptOutcome } from "../core/settlement.ts";
import type { SyncMark } from "../ports/store.ts";
import type { ParentOutcome } from "../ports/task-runner.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { readResult } from "./results.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";

export interface FinishedAttempt {
  /** Undefined when the claim was lost while it ran: then nothing may be committed. */
  readonly ended: AttemptOutcome | undefined;
  /** The claim as last renewed. */
  readonly attempt: StoredLog;
}

/** Runs one claimed attempt, keeping its claim alive. The claim is durable before the task's code begins. */
export async function runAttempt(
  dependencies: Dependencies,
  logs: TaskLogs,
  batch: PinnedBatch,
  task: TaskDefinition,
  claimed: StoredLog,
  beforeClaim: SyncMark,
): Promise<FinishedAttempt> {
  await dependencies.store.sync(beforeClaim);
  const claim = new LiveClaim(logs, claimed);
  const outcome = await dependencies.runner.run({
    batchId: batch.batchId,
    workflowId: batch.workflowId,
    definitionHash: batch.graph.hash,
    task,
    input: batch.input,
    attempt: claimed.log.attempt,
    leaseSeconds: claimed.log.dueSeconds ?? dependencies.settings.leaseSeconds,
    renew: () => claim.renew(),
    parentOutcome: (taskId) => parentOutcome(dependencies, logs, batch, taskId),
  });
  const attempt = await claim.latest();
  return { ended: outcome.kind === "abandoned" ? undefined : outcome, attempt };
}

/** A claim that moves forward with every heartbeat; one heartbeat at a time. */
class LiveClaim {
  readonly #logs: TaskLogs;
  #current: StoredLog;
  #renewing: Promise<boolean> = Promise.resolve(true);

  constructor(logs: TaskLogs, claimed: StoredLog) {
    this.#logs = logs;
    this.#current = claimed;
  }

  renew(): Promise<boolean> {
    this.#renewing = this.#renewing.catch(() => true).then((alive) => alive && this.#renewOnce());
    return this.#renewing;
  }

  async #renewOnce(): Promise<boolean> {
    const outcome = await this.#logs.renew(this.#current);
    if (outcome.kind === "won") this.#current = outcome.claim;
    return outcome.kind === "won";
  }

  /** Waits for a heartbeat under way: the outcome is committed against the newest version. */
  async latest(): Promise<StoredLog> {
    await this.#renewing.catch(() => undefined);
    return this.#current;
  }
}

async function parentOutcome(
  dependencies: Dependencies,
  logs: TaskLogs,
  batch: PinnedBatch,
  taskId: string,
): Promise<ParentOutcome> {
  const found = await logs.read(batch.batchId, taskId);
  if (!found) throw new Error(`The TaskLog of parent ${taskId} is gone`);
  const { status, result, error } = found.log;
  return { status, error, result: await readResult(dependencies.objects, result) };
}
