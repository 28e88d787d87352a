import type { WorkflowCatalog } from "../ports/catalog.ts";
import type { AnyTaskFunction, KeyFunction } from "../runtime/task-type.ts";
import type { BuiltWorkflow } from "./workflow.ts";

/** Workflows together with the code of their tasks. */
export interface CodeCatalog extends WorkflowCatalog {
  taskCode(workflowId: string, taskId: string): Promise<AnyTaskFunction | undefined>;
  keyFunction(workflowId: string, taskId: string): Promise<KeyFunction | undefined>;
}

/** Workflows that are in memory already. */
export class FixedCatalog implements CodeCatalog {
  readonly #workflows: ReadonlyMap<string, BuiltWorkflow>;

  constructor(workflows: readonly BuiltWorkflow[]) {
    this.#workflows = new Map(workflows.map((workflow) => [workflow.id, workflow]));
  }

  async find(workflowId: string): Promise<BuiltWorkflow | undefined> {
    return this.#workflows.get(workflowId);
  }

  async all(): Promise<readonly BuiltWorkflow[]> {
    return [...this.#workflows.values()];
  }

  async taskCode(workflowId: string, taskId: string): Promise<AnyTaskFunction | undefined> {
    return this.#workflows.get(workflowId)?.code.get(taskId);
  }

  async keyFunction(workflowId: string, taskId: string): Promise<KeyFunction | undefined> {
    return this.#workflows.get(workflowId)?.keyFunctions.get(taskId);
  }
}
