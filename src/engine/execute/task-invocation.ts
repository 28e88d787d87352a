import {
  type CallbackAddress,
  type CallbackTarget,
  callbackUrlRule,
  isCallbackUrl,
} from "../../core/callback.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { executionKey, fieldValues, type Idempotency } from "../../core/idempotency-key.ts";
import { limits } from "../../core/limits.ts";
import {
  fillTemplate,
  isOptionalReference,
  secretsIn,
  type TemplateScope,
} from "../../core/template/template.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { type Condition, type ConditionParent, conditionScope } from "../../core/workflow/condition.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../../core/workflow/definition.ts";
import type { ParentOutcome } from "../../ports/task-runner.ts";
import type { Ports } from "../dependencies.ts";
import type { PinnedBatch } from "../records/batches.ts";
import { withBoundedConcurrency } from "../records/bulk.ts";
import { retryTransient } from "../records/commit.ts";
import { readResult } from "../records/results.ts";
import type { StoredLog, TaskLogs } from "../records/task-logs.ts";

export interface TaskInvocation {
  /** The idempotency key. Null: the task has none. */
  readonly key: string | null;
  /** Receiver of its callbacks. */
  readonly target: CallbackTarget | undefined;
}

export type ParentParts = Ports<"objects" | "logger" | "clock"> & { readonly logs: TaskLogs };
export type InvocationParts = ParentParts & Ports<"runner">;

/** Throws `TEMPLATE_INVALID`, `CALLBACK_URL_INVALID`, `IDEMPOTENCY_KEY_INVALID`, and what a key function throws. */
export async function describeInvocation(
  parts: InvocationParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  claimed: Pick<StoredLog, "log" | "writtenAt">,
): Promise<TaskInvocation> {
  const key = task.idempotency ? await computeKey(parts, batch, task, task.idempotency, claimed) : null;
  return { key, target: await callbackTarget(parts, batch, task) };
}

/**
 * Whether the task's condition lets it run. Throws `CONDITION_FAILED`, what an expression throws, and what a condition
 * of the workflow's code throws.
 */
export async function isWanted(
  parts: InvocationParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  condition: Condition,
): Promise<boolean> {
  const { workflowId, input } = batch;
  if (condition.by === "function") {
    const parents = await conditionParents(parts, batch, task.after);
    return parts.runner.condition({ workflowId, taskId: task.id, input, parents });
  }
  // Few workflows have an expression, so its library is loaded only here.
  const { expressionReader } = await import("../../core/workflow/expression.ts");
  const expression = (await expressionReader())(condition.expression);
  const named = new Set(
    expression.paths.flatMap(({ root, path }) => (root === "input" ? [] : path.slice(0, 1))),
  );
  const read = task.after.filter((parent) => named.has(parent));
  const decided = expression.evaluate(conditionScope(input, await conditionParents(parts, batch, read)));
  if (typeof decided === "boolean") return decided;
  throw new BatonError("CONDITION_FAILED", `\`${expression.text}\` gives neither true nor false`, {
    where: `task ${task.id}`,
  });
}

/** The key is computed once; then the TaskLog holds it. */
async function computeKey(
  parts: InvocationParts,
  batch: PinnedBatch,
  task: TaskDefinition,
  idempotency: Idempotency,
  claimed: Pick<StoredLog, "log" | "writtenAt">,
): Promise<string> {
  if (claimed.log.key !== null) return claimed.log.key;
  const call = {
    workflowId: batch.workflowId,
    taskId: task.id,
    batchId: batch.batchId,
    arguments: await taskArguments(parts, batch, task),
    claimedAt: claimed.writtenAt,
  };
  if (idempotency.key.by !== "function") return executionKey(idempotency, call);
  return executionKey(idempotency, call, await parts.runner.customKey(call));
}

/**
 * Undefined: the task has no callback, or its address is optional and missing in this batch. Throws
 * `TEMPLATE_INVALID`, `CALLBACK_URL_INVALID`, `IDEMPOTENCY_KEY_INVALID`.
 */
export async function callbackTarget(
  parts: ParentParts,
  batch: PinnedBatch,
  task: TaskDefinition,
): Promise<CallbackTarget | undefined> {
  const { callback } = task;
  if (!callback) return undefined;
  const url = await fillTemplate(callback.url, templateScope(parts, batch, task.id));
  // Only an optional reference, `{{ input.url? }}`, may be null.
  if (url === null && isOptionalReference(callback.url)) return undefined;
  const address = parseAddress(url, secretsIn(callback.url), task);
  const { archive } = callback;
  if (!archive) return { ...address, archive: null };
  const call = { taskId: task.id, arguments: await taskArguments(parts, batch, task) };
  return {
    ...address,
    archive: { table: archive.table, key: Object.fromEntries(fieldValues(archive.key, call)) },
  };
}

/** The input of the batch for a function, the filled parameters for a built-in task type. */
async function taskArguments(
  parts: ParentParts,
  batch: PinnedBatch,
  task: TaskDefinition,
): Promise<JsonValue> {
  if (task.type === FUNCTION_TASK_TYPE) return batch.input;
  return fillTemplate(task.with, templateScope(parts, batch, task.id));
}

/** An address with secrets is complete only when it is sent. Until then only its length is checked. */
function parseAddress(url: JsonValue, secrets: readonly string[], task: TaskDefinition): CallbackAddress {
  const isKnown = secrets.length === 0;
  if (typeof url === "string" && (isKnown ? isCallbackUrl(url) : url.length <= limits.urlCharacters))
    return isKnown ? { url } : { url, secrets: [...secrets] };
  throw new BatonError("CALLBACK_URL_INVALID", callbackUrlRule, { where: `task ${task.id}` });
}

/** The result of a parent. */
export async function parentOutcome(
  parts: ParentParts,
  batch: PinnedBatch,
  taskId: string,
): Promise<ParentOutcome> {
  // mutation: parent-store-errors-are-retried
  return await retryTransient(parts, () => readOutcome(parts, batch, taskId));
}

async function readOutcome(parts: ParentParts, batch: PinnedBatch, taskId: string): Promise<ParentOutcome> {
  const found = await findOutcome(parts, batch, taskId);
  if (!found) throw new Error(`The TaskLog of parent ${taskId} is gone`);
  return found;
}

async function findOutcome(
  { logs, objects }: ParentParts,
  { batchId }: PinnedBatch,
  taskId: string,
): Promise<ParentOutcome | undefined> {
  const found = await logs.read(batchId, taskId);
  if (!found) return undefined;
  const { status, result, error } = found.log;
  return { status, error, result: await readResult(objects, result) };
}

/** Under an `any_…` rule some parents may not have started. */
async function conditionParents(
  parts: ParentParts,
  batch: PinnedBatch,
  taskIds: readonly string[],
): Promise<Readonly<Record<string, ConditionParent>>> {
  const found = await withBoundedConcurrency(taskIds, async (taskId) => {
    const outcome = await retryTransient(parts, () => findOutcome(parts, batch, taskId));
    return [taskId, outcome ?? { status: "NEW", result: null }] as const;
  });
  return Object.fromEntries(found);
}

/** What `{{ … }}` refers to. */
export function templateScope(parts: ParentParts, batch: PinnedBatch, taskId: string): TemplateScope {
  return {
    batchId: batch.batchId,
    input: batch.input,
    parent: async (parentId) => {
      if (!batch.graph.tasks.get(taskId)?.after.includes(parentId))
        throw new BatonError("NOT_A_PARENT", `Task ${taskId} does not name ${parentId} in \`after\``);
      return (await parentOutcome(parts, batch, parentId)).result;
    },
  };
}
