import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { AnyTaskFunction, ConditionFunction, KeyFunction, TaskType } from "../runtime/task-type.ts";

/** A workflow that can be deployed: its definition, and the code of the tasks that are functions. */
export interface BuiltWorkflow extends DeployedWorkflow {
  readonly id: string;
  readonly code: ReadonlyMap<string, AnyTaskFunction>;
  /** The key functions of tasks, by task. */
  readonly keyFunctions: ReadonlyMap<string, KeyFunction>;
  /** The conditions of tasks that are functions, by task. Undefined if an older copy of the package built it. */
  readonly conditions?: ReadonlyMap<string, ConditionFunction> | undefined;
  /** The task types of its tasks that are not Baton's own. Undefined if an older copy of the package built it. */
  readonly taskTypes?: ReadonlyMap<string, TaskType> | undefined;
}

/** The fields of an input that a start gives. The workflow's schema adds defaults and checks the rest. */
export type GivenInput<Input> = Input extends readonly unknown[]
  ? Input
  : Input extends object
    ? Partial<Input>
    : Input;

/**
 * Marks a workflow. All copies of the package in a process share the symbol, because a workflow file may import
 * another copy than the one that loads it. The value is the version of the shape of BuiltWorkflow.
 */
export const workflowBrand: unique symbol = Symbol.for("baton.workflow");
export const workflowBrandVersion = 2;

/** Whether a value is a workflow, of any copy of the package. */
export function isWorkflow(value: unknown): value is BuiltWorkflow {
  return (
    typeof value === "object" &&
    value !== null &&
    workflowBrand in value &&
    value[workflowBrand] === workflowBrandVersion
  );
}

/** A workflow that was created while files were loaded. */
export interface UnfinishedWorkflow {
  readonly id: string;
  /** Its stack says where. */
  readonly place: Error;
}

/**
 * All copies of the package in a process share this key, because a workflow file may import another copy than the one
 * that loads it.
 */
const listenersKey = Symbol.for("baton.workflow.created");

/** Called by the builder. Costs nothing unless files are being loaded. */
export function noteUnfinished(id: string): void {
  const found = listeners();
  if (found.length === 0) return;
  const place = new Error(`workflow "${id}"`);
  for (const listen of found) listen({ id, place });
}

/** Loads something, and returns the workflows that were created meanwhile. */
export async function collectUnfinished<T>(
  load: () => Promise<T>,
): Promise<{ readonly loaded: T; readonly created: readonly UnfinishedWorkflow[] }> {
  const created: UnfinishedWorkflow[] = [];
  const listen = (workflow: UnfinishedWorkflow) => created.push(workflow);
  Reflect.set(globalThis, listenersKey, [...listeners(), listen]);
  try {
    return { loaded: await load(), created };
  } finally {
    Reflect.set(
      globalThis,
      listenersKey,
      listeners().filter((other) => other !== listen),
    );
  }
}

function listeners(): readonly ((workflow: UnfinishedWorkflow) => unknown)[] {
  const found: unknown = Reflect.get(globalThis, listenersKey);
  return Array.isArray(found) ? found : [];
}
