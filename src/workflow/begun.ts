/** A workflow that was begun while files were loaded. */
export interface BegunWorkflow {
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
export function noteBegun(id: string): void {
  const found = listeners();
  if (found.length === 0) return;
  const place = new Error(`workflow "${id}"`);
  for (const listen of found) listen({ id, place });
}

/** Loads something, and tells which workflows were begun meanwhile. */
export async function collectBegun<T>(
  load: () => Promise<T>,
): Promise<{ readonly loaded: T; readonly begun: readonly BegunWorkflow[] }> {
  const begun: BegunWorkflow[] = [];
  const listen = (workflow: BegunWorkflow) => begun.push(workflow);
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

function listeners(): readonly ((workflow: BegunWorkflow) => unknown)[] {
  const found: unknown = Reflect.get(globalThis, listenersKey);
  return Array.isArray(found) ? found : [];
}
