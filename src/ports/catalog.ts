import type * as z from "zod";
import type { JsonValue } from "../core/values/json.ts";
import type { Definition } from "../core/workflow/definition.ts";
import type { Trigger } from "../core/workflow/trigger.ts";

/** A workflow as it is deployed now. Running batches keep the definition that they started with. */
export interface DeployedWorkflow {
  readonly definition: Definition;
  readonly triggers: readonly Trigger[];
  /** Validates the input by the workflow's schema, which may transform it. Throws `INPUT_INVALID`. */
  readonly parseInput: (input: JsonValue) => JsonValue;
  /** The schema of its input. Undefined if an older copy of the package built the workflow. */
  readonly inputSchema?: z.ZodType | undefined;
}

export interface WorkflowCatalog {
  find(workflowId: string): Promise<DeployedWorkflow | undefined>;
  all(): Promise<readonly DeployedWorkflow[]>;
}
