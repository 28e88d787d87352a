import type { JsonValue } from "../core/values/json.ts";
import type { Definition } from "../core/workflow/definition.ts";
import type { Trigger } from "../core/workflow/trigger.ts";

/** A workflow as it is deployed now. Batches that run keep the definition they began with. */
export interface DeployedWorkflow {
  readonly definition: Definition;
  readonly triggers: readonly Trigger[];
  /** The input as the workflow wants it. Throws `INPUT_INVALID`. */
  readonly parseInput: (input: JsonValue) => JsonValue;
}

export interface WorkflowCatalog {
  find(workflowId: string): Promise<DeployedWorkflow | undefined>;
  all(): Promise<readonly DeployedWorkflow[]>;
}
