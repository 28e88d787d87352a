import type { Configuration } from "../../composition/configuration.ts";
import { queuesNamedBy, type TaskDefinition } from "../../core/definition.ts";
import { formatDuration } from "../../core/duration.ts";
import type { Idempotency } from "../../core/idempotency.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { queueText } from "./inspect.ts";
import { table } from "./text.ts";
import { triggerJson, triggerText } from "./trigger.ts";

/** Workflows with what makes their tasks run as they do, and the queues of this process. */
export function registeredJson(workflows: readonly DeployedWorkflow[], configuration: Configuration) {
  return { workflows: workflows.map(workflowJson), queues: queuesOf(workflows, configuration) };
}

function workflowJson({ definition, triggers }: DeployedWorkflow) {
  const tasks = definition.tasks.map(({ id, type, after, queue, retry, timeoutSeconds, ...task }) => ({
    taskId: id,
    type,
    after,
    queue,
    retry,
    timeoutSeconds,
    idempotency: task.idempotency ?? null,
    callback: task.callback ?? null,
  }));
  return { workflowId: definition.workflowId, tasks, triggers: triggers.map(triggerJson) };
}

/** The queues that have settings of their own, and the others that tasks name. */
function queuesOf(workflows: readonly DeployedWorkflow[], { queues, concurrency }: Configuration) {
  const named = queuesNamedBy(workflows);
  return [...new Set([...queues.keys(), ...named])].sort().map((queue) => {
    const settings = queues.get(queue);
    return {
      queue,
      concurrency: settings?.concurrency ?? concurrency,
      rate: settings?.rate ?? null,
      isConfigured: settings !== undefined,
    };
  });
}

export function registeredText(workflows: readonly DeployedWorkflow[], configuration: Configuration): string {
  const tasks = workflows.flatMap(({ definition, triggers }) => [
    ...triggers.map((trigger) => [definition.workflowId, "", triggerText(trigger)]),
    ...definition.tasks.map((task) => [
      definition.workflowId,
      task.id,
      task.type,
      task.queue,
      retryText(task),
      task.idempotency ? idempotencyText(task.idempotency) : "",
      task.callback?.url ?? "",
    ]),
  ]);
  const queues = queuesOf(workflows, configuration).map(({ queue, concurrency, rate }) => [
    queue,
    queueText(concurrency, rate),
  ]);
  const head = ["WORKFLOW", "TASK", "TYPE OR TRIGGER", "QUEUE", "RETRY", "IDEMPOTENCY", "CALLBACK"];
  return `${table(head, tasks)}\n\n${table(["QUEUE", "TASKS"], queues)}`;
}

function retryText({ retry }: TaskDefinition): string {
  const { maxAttempts, initialSeconds, factor } = retry;
  if (maxAttempts === 1) return "one attempt";
  return `${maxAttempts} attempts, ${formatDuration(initialSeconds * 1_000)} ×${factor}`;
}

function idempotencyText({ key, scope, ttlSeconds, onLocked, recurring }: Idempotency): string {
  const by = key.by === "fields" ? key.fields.join(", ") : key.by;
  const kept = recurring ? "recurring" : formatDuration(ttlSeconds * 1_000);
  return `by ${by} (${scope}), ${kept}, ${onLocked}`;
}
