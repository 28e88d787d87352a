import {
  applyTaskDefaults,
  FUNCTION_TASK_TYPE,
  type TaskDefinition,
} from "../../src/core/workflow/definition.ts";
import type { AnyTaskFunction } from "../../src/runtime/task-type.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";

/** Tasks with their parents. */
export type Edges = readonly (readonly [taskId: string, after: readonly string[]])[];

/** A workflow of any shape, all of whose tasks run the same code. */
export function workflowOf(
  id: string,
  edges: Edges,
  code: AnyTaskFunction,
  policies: Partial<Pick<TaskDefinition, "queue" | "retry" | "timeoutSeconds" | "rule">> = {},
): BuiltWorkflow {
  return {
    id,
    definition: {
      format: 1,
      workflowId: id,
      tasks: edges.map(([taskId, after]) =>
        applyTaskDefaults({ id: taskId, type: FUNCTION_TASK_TYPE, after: [...after], ...policies }),
      ),
    },
    triggers: [],
    parseInput: (input) => input,
    code: new Map(edges.map(([taskId]) => [taskId, code])),
    keyFunctions: new Map(),
  };
}
