import * as z from "zod";
import { CallbackPolicySchema } from "../callback.ts";
import { IdempotencySchema } from "../idempotency.ts";
import { defaults, limits } from "../limits.ts";
import { type RetryPolicy, RetryPolicySchema } from "../retry.ts";
import { formatDuration } from "../values/duration.ts";
import { JsonObjectSchema } from "../values/json.ts";
import { NameSchema } from "../values/text.ts";

/** Which endings of its parents let a child run. */
export const ChildRuleSchema = z.enum(["all_succeeded", "all_ended", "any_succeeded", "any_failed"]);
export type ChildRule = z.infer<typeof ChildRuleSchema>;

export const TaskDefinitionSchema = z.strictObject({
  id: NameSchema,
  /** A built-in task type, or `function` for the workflow's own code. */
  type: z.string(),
  with: JsonObjectSchema,
  after: z.array(NameSchema).readonly(),
  rule: ChildRuleSchema,
  retry: RetryPolicySchema,
  timeoutSeconds: z.number().positive().max(limits.timeoutSeconds),
  queue: NameSchema,
  idempotency: IdempotencySchema.optional(),
  callback: CallbackPolicySchema.optional(),
});
export type TaskDefinition = z.infer<typeof TaskDefinitionSchema>;

/** A workflow as plain data, identified by the hash of its content. */
export const DefinitionSchema = z.strictObject({
  format: z.literal(1),
  workflowId: NameSchema,
  tasks: z.array(TaskDefinitionSchema).min(1).max(limits.tasksPerWorkflow),
});
export type Definition = z.infer<typeof DefinitionSchema>;

/** The virtual task at the end of a batch. No real task can have this name, because of the `$`. */
export const END_TASK_ID = "$end";

/** Type of a task that is code of its workflow, in contrast to the built-in types. */
export const FUNCTION_TASK_TYPE = "function";

/** The queues of all tasks of these workflows. */
export function queueNames(workflows: readonly { readonly definition: Definition }[]): ReadonlySet<string> {
  return new Set(workflows.flatMap(({ definition }) => definition.tasks.map(({ queue }) => queue)));
}

/** Completes a task for the definition with the default policies. */
export function applyTaskDefaults(
  task: Pick<TaskDefinition, "id" | "type"> & {
    readonly [K in keyof Omit<TaskDefinition, "id" | "type" | "retry">]?: TaskDefinition[K] | undefined;
  } & { readonly retry?: Partial<RetryPolicy> | undefined },
): TaskDefinition {
  return {
    id: task.id,
    type: task.type,
    with: task.with ?? {},
    after: task.after ?? [],
    rule: task.rule ?? "all_succeeded",
    retry: { ...defaults.retry, ...task.retry },
    timeoutSeconds: task.timeoutSeconds ?? defaults.timeoutSeconds,
    queue: task.queue ?? defaults.queue,
    ...(task.idempotency && { idempotency: task.idempotency }),
    ...(task.callback && { callback: task.callback }),
  };
}

/** The longest attempt inside a function: it must end and be stored before the function times out. */
export function longestAttemptSeconds(functionTimeoutSeconds: number): number {
  return functionTimeoutSeconds - limits.attemptMarginSeconds;
}

/** Warnings for tasks whose timeout is longer than an attempt can last on Google Cloud: each attempt may be cut off. */
export function timeoutsBeyondFunction(
  workflows: readonly { readonly definition: Definition }[],
  functionTimeoutSeconds: number,
): string[] {
  const attemptSeconds = longestAttemptSeconds(functionTimeoutSeconds);
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks
      .filter(({ timeoutSeconds }) => timeoutSeconds > attemptSeconds)
      .map(
        ({ id, timeoutSeconds }) =>
          `Task ${id} of ${workflowId} has a timeout of ${formatDuration(timeoutSeconds * 1_000)}; on Google Cloud each attempt ` +
          `ends after ${formatDuration(attemptSeconds * 1_000)}, before the function does (BATON_FUNCTION_TIMEOUT). ` +
          "If it needs longer, split its work or let it wait with step.poll or an event",
      ),
  );
}
