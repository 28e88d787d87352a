import { deriveBatchId, newBatch } from "../../core/batch.ts";
import { BatonError } from "../../core/errors/errors.ts";
import type { Ending } from "../../core/joins.ts";
import { isTerminal, type TaskBatch, type TaskLog } from "../../core/records.ts";
import { terminalLogWithoutRun } from "../../core/settlement.ts";
import { conditionText } from "../../core/workflow/condition.ts";
import { type Graph, inheritedTasks, isInheritable } from "../../core/workflow/graph.ts";
import type { Ports } from "../dependencies.ts";
import type { CancelParts } from "../end-or-cancel-batch.ts";
import { commitEachIdempotent, type NoncedWrite } from "../records/commit.ts";
import type { Definitions } from "../records/definitions.ts";
import { logKey } from "../records/task-logs.ts";
import { redriveBatch } from "../sweep.ts";
import type { Started } from "./start-batch.ts";

export interface RetryParts extends CancelParts, Ports<"catalog"> {
  readonly definitions: Definitions;
}

/**
 * Starts a new batch of the same lineage, with the workflow as it is deployed now, or the old definition if it is not
 * deployed any more. It inherits the successes and runs all other tasks. A second retry returns the same batch, unless
 * the definition has changed: inherited results must match the definition.
 * Throws `BATCH_UNKNOWN`, `BATCH_NOT_FINISHED`, `BATCH_SUCCEEDED`.
 */
export async function retryBatch(parts: RetryParts, batchId: string): Promise<Started> {
  const { batches, ids, clock } = parts;
  const stored = await batches.read(batchId);
  const { data: batch } = stored;
  assertRetryable(batch);
  // The store may have deleted logs of successes: they would run again.
  if (batches.isExpired(stored))
    throw new BatonError("BATCH_EXPIRED", `Batch ${batchId} is too old to be retried`);
  const graph = await currentGraph(parts, batch);
  const run = batch.run + 1;
  const next = newBatch(
    {
      batchId: deriveBatchId(batch.workflowId, `${batch.lineageId} run ${run} of ${graph.hash}`),
      workflowId: batch.workflowId,
      definitionHash: graph.hash,
      input: batch.input,
      startedBy: `retry of ${batchId}`,
      lineage: { lineageId: batch.lineageId, run },
    },
    { nonce: ids.unique(), now: clock.now() },
  );
  await inherit(parts, graph, batchId, next.batchId);
  // The batch is created last, so that no task of it runs before all successes are inherited.
  const { kind } = await batches.create(next, graph);
  await redriveBatch(parts, next.batchId);
  return { batchId: next.batchId, created: kind === "won" };
}

function assertRetryable(batch: TaskBatch): void {
  if (batch.status === "RUNNING")
    throw new BatonError("BATCH_NOT_FINISHED", `Batch ${batch.batchId} is still running`);
  if (batch.status === "SUCCESS")
    throw new BatonError("BATCH_SUCCEEDED", `Batch ${batch.batchId} ended SUCCESS`);
}

async function currentGraph({ catalog, definitions }: RetryParts, batch: TaskBatch): Promise<Graph> {
  const deployed = await catalog.find(batch.workflowId);
  return deployed ? definitions.save(deployed.definition) : definitions.load(batch.definitionHash);
}

/** The ending of a task, if a retry can keep it. A condition that has been corrected is asked again. */
function keptEnding({ tasks }: Graph, { taskId, status, reason, skipCause }: TaskLog): Ending | undefined {
  if (!isTerminal(status) || !isInheritable({ status, reason })) return undefined;
  const when = tasks.get(taskId)?.when;
  // mutation: corrected-condition-is-asked-again
  if (reason === "condition_not_met" && (!when || conditionText(when) !== skipCause)) return undefined;
  return { status, reason };
}

/** Copies the logs of inherited tasks, page by page: with their results they may be larger than the memory. */
async function inherit(
  { store, ids, clock, logs }: RetryParts,
  graph: Graph,
  fromBatchId: string,
  batchId: string,
): Promise<void> {
  const endings = new Map<string, Ending>();
  for await (const page of logs.pagesOf(fromBatchId))
    for (const { log } of page) {
      const ending = keptEnding(graph, log);
      if (ending) endings.set(log.taskId, ending);
    }
  const inherited = new Set(inheritedTasks(graph, (taskId) => endings.get(taskId)));
  for await (const page of logs.pagesOf(fromBatchId)) {
    const kept = page.filter(({ log }) => inherited.has(log.taskId));
    const writes = kept.map(({ log: { taskId, status, reason, result, skipCause } }): NoncedWrite => {
      const end =
        status === "SKIPPED" && reason !== null
          ? ({ status, reason, skipCause } as const)
          : ({ status: "SUCCESS", reason: "inherited", ...(result && { result }) } as const);
      const stamp = { nonce: ids.unique(), now: clock.now() };
      const data = terminalLogWithoutRun(graph, { batchId, taskId }, end, stamp);
      return { kind: "create", key: logKey(batchId, taskId), data };
    });
    // mutation: retry-inherits-successes
    await commitEachIdempotent(store, writes);
  }
}
