import { canonicalJson } from "../core/canonical.ts";
import { TaskError } from "../core/errors.ts";
import type { Dataform, Invocation, InvocationConfig, InvocationRequest } from "../ports/dataform.ts";

/** Invocations from before the work began, which are not its own. Null: the compilation result is the work's alone. */
export type Known = readonly string[] | null;

/**
 * Starts an invocation, or takes the one that an earlier try has started: creating one takes no request id, so whoever
 * creates looks first, and afterwards once more. Where there are several all the same (two workers, an answer that was
 * asked for twice), the first stays and the others are cancelled.
 */
export async function startOrAdopt(
  dataform: Dataform,
  request: InvocationRequest,
  known: Known,
): Promise<Invocation> {
  const ours = () => findOwn(dataform, request, known);
  const found = await ours();
  const made = found.length === 0 ? [await dataform.invoke(request)] : [];
  const all = made.length === 0 ? found : await ours();
  const [first, ...others] = firstOfAll([...all, ...made]);
  for (const other of others) await cancelIfRunning(dataform, other.name, request.signal);
  if (!first) throw new TaskError("Dataform names no invocation", { code: "DATAFORM_UNAVAILABLE" });
  return first;
}

/** What this work has started: all of its compilation result; of one that it shares, the new ones of the same kind. */
export async function findOwn(
  dataform: Dataform,
  { compilationResult, config, signal }: InvocationRequest,
  known: Known,
): Promise<readonly Invocation[]> {
  const all = await dataform.invocationsOf(compilationResult, signal);
  return known ? all.filter((one) => !known.includes(one.name) && isSame(one.config, config)) : all;
}

/** In the order in which they were started, each once. */
function firstOfAll(invocations: readonly Invocation[]): Invocation[] {
  const byName = new Map(invocations.map((one) => [one.name, one]));
  return [...byName.values()].sort(
    (one, other) => one.startedAt - other.startedAt || (one.name < other.name ? -1 : 1),
  );
}

export async function cancelIfRunning(dataform: Dataform, name: string, signal: AbortSignal): Promise<void> {
  const { state } = await dataform.invocation(name, signal);
  if (state !== "RUNNING") return;
  try {
    await dataform.cancel(name, signal);
  } catch (error) {
    // It may have ended in the meantime, and then it can't be cancelled any more.
    if ((await dataform.invocation(name, signal)).state === "RUNNING") throw error;
  }
}

/** Tags and targets are sets. Of a target the name counts: the service may fill in where it is. */
function isSame(one: InvocationConfig, other: InvocationConfig): boolean {
  return comparable(one) === comparable(other);
}

function comparable(config: InvocationConfig): string {
  return canonicalJson([
    config.includedTags.toSorted(),
    config.includedTargets.map(({ name }) => name).sort(),
    config.transitiveDependenciesIncluded,
    config.fullyRefreshIncrementalTables,
  ]);
}
