import type { Definition } from "./definition.ts";
import { groupByParents } from "./graph.ts";
import { limits } from "./limits.ts";

/** A task whose ending would not fit into its record. */
export interface CrowdedTask {
  readonly taskId: string;
  readonly message: string;
}

/** The tasks that too many different sets of tasks are parents together with. */
export function crowdedTasks(definition: Definition): CrowdedTask[] {
  // Every set has a child of its own, but for that of the end.
  if (definition.tasks.length < limits.joinsPerTask) return [];
  const counts = new Map<string, number>();
  for (const { parents } of groupByParents(definition))
    if (parents.length > 1) for (const parent of parents) counts.set(parent, (counts.get(parent) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > limits.joinsPerTask)
    .map(([taskId, count]) => ({
      taskId,
      message: `Tasks wait for it in ${count} different sets of parents; ${limits.joinsPerTask} are allowed`,
    }));
}
