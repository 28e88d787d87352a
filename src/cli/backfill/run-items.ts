import type { App } from "../../app/app.ts";
import { follow } from "../../app/batch-control.ts";
import { deriveBatchId } from "../../core/batch.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import {
  decideItem,
  hasKeyOfInput,
  type ItemDecision,
  type ItemKey,
  keyFromInput,
  type UsableItem,
} from "./items.ts";
import { type BackfillProgress, toFailedItem } from "./progress.ts";

/** Decides what to do with an item, from the stored batches and keys. Writes nothing. */
export async function planItem(
  app: App,
  { definition }: DeployedWorkflow,
  item: UsableItem,
): Promise<ItemDecision> {
  const { workflowId, tasks } = definition;
  const runs = await app.engine.admin.runs(deriveBatchId(workflowId, item.key));
  if (runs.length > 0) return decideItem(runs, []);
  return decideItem([], await itemKeys(app, workflowId, tasks, item));
}

/** The keys of the tasks, up to the first task that is not completed. */
async function itemKeys(
  app: App,
  workflowId: string,
  tasks: readonly TaskDefinition[],
  { input }: UsableItem,
): Promise<ItemKey[]> {
  const keys: ItemKey[] = [];
  for (const task of tasks) {
    const key = keyFromInput(workflowId, task, input, await customKey(app, workflowId, task, input));
    const record = key === null ? undefined : await app.engine.admin.executions.find(key);
    const completed = record?.data.state === "SUCCESS";
    keys.push({ key, completed });
    if (!completed) break;
  }
  return keys;
}

/** The result of the task's key function, or undefined if it has none, or one that fails. */
async function customKey(
  { folder }: App,
  workflowId: string,
  task: TaskDefinition,
  input: UsableItem["input"],
): Promise<string | undefined> {
  if (task.idempotency?.key.by !== "function" || !hasKeyOfInput(task)) return undefined;
  const keyOf = await folder.keyFunction(workflowId, task.id);
  try {
    const key: unknown = keyOf?.(input);
    return typeof key === "string" ? key : undefined;
  } catch {
    // The task fails with the same error and reports it.
    return undefined;
  }
}

interface RunOptions {
  readonly concurrency: number;
  /** Starts no more batches and ends the wait for running ones. */
  readonly stop: AbortSignal;
  readonly progress: BackfillProgress;
}

interface StartedItem {
  readonly where: string;
  readonly batchId: string;
}

/**
 * Runs the batches of all items, `concurrency` at a time. Returns those that were still running when `stop` was
 * aborted. After an error no further item starts.
 */
export async function runItems(
  app: App,
  workflow: DeployedWorkflow,
  items: AsyncGenerator<UsableItem>,
  { concurrency, stop, progress }: RunOptions,
): Promise<readonly StartedItem[]> {
  const failure = new AbortController();
  const stopped = AbortSignal.any([stop, failure.signal]);
  const running: StartedItem[] = [];
  // The lanes share the generator, which returns each item once.
  const lane = async () => {
    while (!stopped.aborted) {
      const { done, value: item } = await items.next();
      if (done || stopped.aborted) return;
      const batchId = await startItem(app, workflow, item, await planItem(app, workflow, item));
      if (batchId === undefined) {
        progress.skipped += 1;
        continue;
      }
      await follow(app, batchId, { stop: stopped, onChange: undefined });
      if (!(await recordIfEnded(app, progress, { where: item.where, batchId })))
        running.push({ where: item.where, batchId });
    }
  };
  const lanes = Array.from({ length: Math.min(concurrency, progress.total) }, () =>
    lane().catch((error: unknown) => {
      failure.abort();
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(lanes);
  await items.return(undefined);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return running;
}

/** Counts a batch that has ended. Returns false if it is still running. */
export async function recordIfEnded(
  app: App,
  progress: BackfillProgress,
  { where, batchId }: StartedItem,
): Promise<boolean> {
  const { status } = await app.engine.admin.status(batchId);
  if (status === "RUNNING") return false;
  if (status === "SUCCESS") progress.succeeded += 1;
  else progress.fail({ where, ...toFailedItem(await app.engine.admin.show(batchId)) });
  return true;
}

/** Starts or retries the batch of an item. Returns the id of its stored batch, or undefined for a skipped item. */
async function startItem(
  app: App,
  workflow: DeployedWorkflow,
  item: UsableItem,
  decision: ItemDecision,
): Promise<string | undefined> {
  if (decision.action === "skip") return undefined;
  if (decision.action === "follow") return decision.batchId;
  const { batchId } = await app.engine.durably(() =>
    decision.action === "retry" ? app.engine.retry(decision.batchId) : startBatch(app, workflow, item),
  );
  return batchId;
}

function startBatch(
  { engine }: App,
  workflow: DeployedWorkflow,
  { key, value, slot }: UsableItem,
): Promise<{ readonly batchId: string }> {
  if (slot) return engine.startBySlot(workflow, slot.schedule, slot.instant);
  return engine.start({ kind: "start", workflowId: workflow.definition.workflowId, input: value, key });
}
