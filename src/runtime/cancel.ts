import type { Logger } from "../ports/logger.ts";
import type { CancelledTask } from "../ports/task-runner.ts";
import type { TaskCode } from "./code.ts";
import type { CancelContext, Services } from "./task-type.ts";

/** Lets the type of a cancelled task end what the task has started elsewhere. */
export async function cancelBuiltIn(
  { types }: Pick<TaskCode, "types">,
  services: Services,
  log: Logger,
  { batchId, task, parameters, idempotencyKey, memory }: CancelledTask,
): Promise<void> {
  const type = types.get(task.type);
  if (!type?.cancel) return;
  const parsed = type.parameters.safeParse(parameters);
  // It never ran with such parameters.
  if (!parsed.success) return;
  const context: CancelContext = {
    batchId,
    taskId: task.id,
    idempotencyKey,
    services,
    log,
    stored: async (name) => (await memory.find(name))?.value,
  };
  await type.cancel(context, parsed.data);
}
