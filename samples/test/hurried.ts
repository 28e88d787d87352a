import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";

/** The same workflow, that waits a moment where it would wait for minutes before an attempt. */
export function hurried(workflow: BuiltWorkflow): BuiltWorkflow {
  const { id, definition, triggers, code, keyFunctions } = workflow;
  const tasks = definition.tasks.map((task) => ({ ...task, retry: { ...task.retry, initialSeconds: 0.02 } }));
  return {
    id,
    definition: { ...definition, tasks },
    triggers,
    parseInput: (input) => workflow.parseInput(input),
    code,
    keyFunctions,
  };
}
