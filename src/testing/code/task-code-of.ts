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
    types: new Map([...builtInTaskTypes].map(([name, type]) => [name, mockable(type, mocks, place)])),
    findFunction: (workflowId, taskId) => {
      const run = mocks.get(taskId) ?? catalog.taskCode(workflowId, taskId);
      return run && watched(run, place);
    },
    findKeyFunction: (workflowId, taskId) => catalog.keyFunction(workflowId, taskId),
  };
}

function mockable(type: TaskType, mocks: ReadonlyMap<string, AnyTaskFunction>, place: CodePlace): TaskType {
  return {
    ...type,
    run: async (context, parameters, secrets) => {
      const mock = mocks.get(context.taskId);
      return mock ? watched(mock, place)(context) : type.run(context, parameters, secrets);
    },
  };
}
