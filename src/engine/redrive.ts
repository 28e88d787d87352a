import { awaitsCompletion } from "../core/kept-completion.ts";
import { limits } from "../core/limits.ts";
import type { TaskBatch } from "../core/records.ts";
import { planRedrive } from "../core/redrive.ts";
import type { Batches } from "./batches.ts";
import { cancelBatch } from "./cancel.ts";
import type { Dependencies } from "./dependencies.ts";
import { isCompletionKept } from "./kept-completions.ts";
import { completionMessage, executeMessage } from "./messages.ts";
import type { Stored } from "./records.ts";
import type { StoredLog, TaskLogs } from "./task-logs.ts";
import { UnitOfWork } from "./unit-of-work.ts";
import { wakeIfSent } from "./wake.ts";

/** Publishes what a RUNNING batch should have under way but may have lost. Safe at any time, and at once with others. */
export async function redriveBatch(
  dependencies: Dependencies,
  batches: Batches,
  logs: TaskLogs,
  batchId: string,
): Promise<void> {
  const unit = new UnitOfWork(dependencies);
  const found = await batches.read(batchId);
  const { data: batch } = found;
  if (batch.status !== "RUNNING" || batches.isExpired(found)) return;
  // mutation: sweep-completes-a-cancel
  if (batch.cancelRequested) return cancelBatch(dependencies, batches, logs, batchId);
  const pinned = await batches.pinned(batchId);
  const standing = await logs.readStates(batchId);
  for (const log of standing.values()) await wakeIfSent({ dependencies, logs }, pinned, log);
  const plan = planRedrive(pinned.graph, standing);
  const told = await toldAlready(dependencies, standing);
  tellIfStuck(dependencies, found, standing, plan.execute.length + plan.complete.length);
  const execute = new Set([...plan.execute, ...told]);
  await unit.publish([
    ...[...execute].map((taskId) => executeMessage(pinned, taskId, { redrive: true })),
    ...plan.complete.map(({ taskId, ending }) =>
      completionMessage(batchId, taskId, ending, { redrive: true }),
    ),
  ]);
}

/** Tasks that wait for what has been told already. */
async function toldAlready(
  { store }: Dependencies,
  logs: ReadonlyMap<string, StoredLog>,
): Promise<readonly string[]> {
  const told: string[] = [];
  for (const { log } of logs.values())
    if (awaitsCompletion(log) && (await isCompletionKept(store, log))) told.push(log.taskId);
  return told;
}

/** Work that is published again and again and does not come about: somebody has to look at it. */
function tellIfStuck(
  { logger }: Dependencies,
  { data: batch, ageMs: batchAgeMs }: Stored<TaskBatch>,
  logs: ReadonlyMap<string, StoredLog>,
  missing: number,
): void {
  const ages = [...logs.values()].map(({ ageMs }) => ageMs);
  const idleMs = Math.min(batchAgeMs, ...ages);
  if (missing === 0 || idleMs < limits.stuckSeconds * 1_000) return;
  const { batchId, workflowId } = batch;
  logger.error("a batch does not move", { batchId, workflowId, idleSeconds: Math.round(idleMs / 1_000) });
}
