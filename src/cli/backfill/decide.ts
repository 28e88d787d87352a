import type { App } from "../../composition/app.ts";
import {
  decideItem,
  hasKeyOfInput,
  type ItemDecision,
  type ItemKey,
  keyFromInput,
} from "../../core/backfill.ts";
import { batchIdOf } from "../../core/batch.ts";
import type { TaskDefinition } from "../../core/definition.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { UsableItem } from "./usable.ts";

/** What is to be done about an item, as things stand now. Writes nothing. */
export async function decide(
  app: App,
  { definition }: DeployedWorkflow,
  item: UsableItem,
): Promise<ItemDecision> {
  const { workflowId, tasks } = definition;
  const runs = await app.engine.admin.list({ lineageId: batchIdOf(workflowId, item.key) });
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
