import type { TaskCode } from "../../runtime/task-code.ts";
import type { AnyTaskFunction, TaskType } from "../../runtime/task-type.ts";
import { builtInTaskTypes } from "../../tasks/index.ts";
import type { FixedCatalog } from "../../workflow/catalog.ts";
import { type CodePlace, watched } from "./watched-code.ts";

/** The code of a workflow's tasks, or what a test puts in their place. */
export function codeOf(
  catalog: FixedCatalog,
  mocks: ReadonlyMap<string, AnyTaskFunction>,
  place: CodePlace,
): TaskCode {
  return {
    findType: (workflowId, name) => {
      const builtIn = builtInTaskTypes.get(name);
      const type = builtIn ?? catalog.taskType(workflowId, name);
      return type && mockable(type, mocks, place, { isWatched: !builtIn });
    },
    findFunction: (workflowId, taskId) => {
      const run = mocks.get(taskId) ?? catalog.taskCode(workflowId, taskId);
      return run && watched(run, place);
    },
    findKeyFunction: (workflowId, taskId) => catalog.keyFunction(workflowId, taskId),
    findCondition: (workflowId, taskId) => catalog.condition(workflowId, taskId),
  };
}

/** `isWatched`: the code of the type is the user's own, as that of a task that is a function. */
function mockable(
  type: TaskType,
  mocks: ReadonlyMap<string, AnyTaskFunction>,
  place: CodePlace,
  { isWatched }: { readonly isWatched: boolean },
): TaskType {
  return {
    ...type,
    run: async (context, parameters, secrets) => {
      const mock = mocks.get(context.taskId);
      if (mock) return watched(mock, place)(context);
      if (!isWatched) return type.run(context, parameters, secrets);
      return watched((inside) => type.run(inside, parameters, secrets), place)(context);
    },
  };
}
