import type { App } from "../../app/app.ts";
import { deriveBatchId } from "../../core/batch.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { follow } from "../follow-batch.ts";
import {
  decideItem,
  hasKeyOfInput,
  type ItemDecision,
  type ItemKey,
  keyFromInput,
  type UsableItem,
} from "./items.ts";
import { failureIn, type Tally } from "./progress.ts";

/** What is to be done about an item, as things stand now. Writes nothing. */
export async function decide(
  app: App,
  { definition }: DeployedWorkflow,
  item: UsableItem,
): Promise<ItemDecision> {
  const { workflowId, tasks } = definition;
  const runs = await app.engine.admin.list({ lineageId: deriveBatchId(workflowId, item.key) });
  if (runs.length > 0) return decideItem(runs, []);
  return decideItem([], await keysOf(app, workflowId, tasks, item));
}

/** Looks no further than the first task whose work is not known to be done. */
async function keysOf(
  app: App,
  workflowId: string,
  tasks: readonly TaskDefinition[],
  { input }: UsableItem,
): Promise<ItemKey[]> {
  const keys: ItemKey[] = [];
  for (const task of tasks) {
    const key = keyFromInput(workflowId, task, input, await customKey(app, workflowId, task, input));
    const found = key === null ? undefined : await app.engine.admin.executions.find(key);
    const completed = found?.data.state === "SUCCESS";
    keys.push({ key, completed });
    if (!completed) break;
  }
  return keys;
}

/** What the task's key function gives; undefined when it has none, or it gives nothing. */
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
    // The task itself will fail of it, and say so.
    return undefined;
  }
}

interface RunOptions {
  readonly concurrency: number;
  /** Nothing is begun any more, and nothing followed. */
  readonly stop: AbortSignal;
  readonly tally: Tally;
}

/** A batch that was not followed to its end. */
interface Unended {
  readonly where: string;
  readonly batchId: string;
}

/**
 * Brings every item to its end, so many at a time. Gives those that were under way when it was stopped. Once one item
 * throws, no other is begun.
 */
export async function runItems(
  app: App,
  workflow: DeployedWorkflow,
  items: AsyncGenerator<UsableItem>,
  { concurrency, stop, tally }: RunOptions,
): Promise<readonly Unended[]> {
  const failure = new AbortController();
  const stopped = AbortSignal.any([stop, failure.signal]);
  const unended: Unended[] = [];
  /** The generator hands out one item after the other, whoever asks. */
  const lane = async () => {
    while (!stopped.aborted) {
      const { done, value: item } = await items.next();
      if (done || stopped.aborted) return;
      const batchId = await begin(app, workflow, item, await decide(app, workflow, item));
      if (batchId === undefined) {
        tally.skipped += 1;
        continue;
      }
      await follow(app, batchId, { stop: stopped, onChange: undefined });
      if (!(await settle(app, tally, { where: item.where, batchId })))
        unended.push({ where: item.where, batchId });
    }
  };
  const lanes = Array.from({ length: Math.min(concurrency, tally.total) }, () =>
    lane().catch((error: unknown) => {
      failure.abort();
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(lanes);
  await items.return(undefined);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return unended;
}

/** Counts a batch that has ended; false while it runs. */
export async function settle(app: App, tally: Tally, { where, batchId }: Unended): Promise<boolean> {
  const { status } = await app.engine.admin.status(batchId);
  if (status === "RUNNING") return false;
  if (status === "SUCCESS") tally.succeeded += 1;
  else tally.fail({ where, ...failureIn(await app.engine.admin.show(batchId)) });
  return true;
}

/** The batch that the item comes to its end by; undefined when it needs none. It exists on disk. */
async function begin(
  app: App,
  workflow: DeployedWorkflow,
  item: UsableItem,
  decision: ItemDecision,
): Promise<string | undefined> {
  if (decision.action === "skip") return undefined;
  if (decision.action === "follow") return decision.batchId;
  const { batchId } = await app.engine.durably(() =>
    decision.action === "retry" ? app.engine.retry(decision.batchId) : start(app, workflow, item),
  );
  return batchId;
}

function start(
  { engine }: App,
  workflow: DeployedWorkflow,
  { key, value, slot }: UsableItem,
): Promise<{ readonly batchId: string }> {
  if (slot) return engine.startBySlot(workflow, slot.schedule, slot.instant);
  return engine.start({ kind: "start", workflowId: workflow.definition.workflowId, input: value, key });
}
