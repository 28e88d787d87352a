import type { Definition } from "./definition.ts";
import { formatDuration } from "./duration.ts";
import { limits } from "./limits.ts";

/** How long an attempt can run inside a function: it has to end, and be stored, before the function is ended. */
export function attemptSecondsOf(functionTimeoutSeconds: number): number {
  return functionTimeoutSeconds - limits.attemptMarginSeconds;
}

/**
 * Tasks whose timeout is longer than an attempt can run on Google Cloud: they may be cut off there at every attempt.
 */
export function cutTimeouts(
  workflows: readonly { readonly definition: Definition }[],
  functionTimeoutSeconds: number,
): string[] {
  const attemptSeconds = attemptSecondsOf(functionTimeoutSeconds);
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks
      .filter(({ timeoutSeconds }) => timeoutSeconds > attemptSeconds)
      .map(
        ({ id, timeoutSeconds }) =>
          `Task ${id} of ${workflowId} has a timeout of ${formatDuration(timeoutSeconds * 1_000)}; on Google Cloud each attempt ` +
          `ends after ${formatDuration(attemptSeconds * 1_000)}, before the function does (BATON_FUNCTION_TIMEOUT). ` +
          "If it needs longer, split its work, or let it wait with step.poll or an event",
      ),
  );
}
