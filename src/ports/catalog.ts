import type { Definition } from "../core/definition.ts";
import type { JsonValue } from "../core/json.ts";
import type { Trigger } from "../core/trigger.ts";

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
