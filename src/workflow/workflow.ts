import type * as z from "zod";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import type { AnyTaskFunction, KeyFunction } from "../runtime/task-type.ts";

/** A workflow that can be deployed: the definition to run it by, and the code of the tasks that are functions. */
export interface BuiltWorkflow extends DeployedWorkflow {
  readonly id: string;
  readonly code: ReadonlyMap<string, AnyTaskFunction>;
  /** The key functions of tasks, by task. */
  readonly keyFunctions: ReadonlyMap<string, KeyFunction>;
  /** What its input has, where that is known: a copy of the package that is older gives none. */
  readonly inputSchema?: z.ZodType | undefined;
}

/**
 * Marks a workflow. The symbol is the same for every copy of the package in a process: a workflow file may import
 * another copy than the one that loads it. The value is the version of the shape of BuiltWorkflow.
 */
export const workflowBrand: unique symbol = Symbol.for("baton.workflow");
export const workflowBrandVersion = 2;

/** Whether a value is a workflow, whichever copy of the package made it. */
export function isWorkflow(value: unknown): value is BuiltWorkflow {
  return (
    typeof value === "object" &&
    value !== null &&
    workflowBrand in value &&
    value[workflowBrand] === workflowBrandVersion
  );
}

/** A workflow that was begun while files were loaded. */
export interface UnfinishedWorkflow {
  readonly id: string;
  /** Its stack says where. */
  readonly place: Error;
}

/**
 * The same for every copy of the package in a process: a workflow file may import another copy than the one that
 * loads it.
 */
const listenersKey = Symbol.for("baton.workflow.begun");

/** Called by the builder. Costs nothing unless files are being loaded. */
export function noteUnfinished(id: string): void {
  const found = listeners();
  if (found.length === 0) return;
  const place = new Error(`workflow "${id}"`);
  for (const listen of found) listen({ id, place });
}

/** Loads something, and tells which workflows were begun meanwhile. */
export async function collectUnfinished<T>(
  load: () => Promise<T>,
): Promise<{ readonly loaded: T; readonly begun: readonly UnfinishedWorkflow[] }> {
  const begun: UnfinishedWorkflow[] = [];
  const listen = (workflow: UnfinishedWorkflow) => begun.push(workflow);
  Reflect.set(globalThis, listenersKey, [...listeners(), listen]);
  try {
    return { loaded: await load(), begun };
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
