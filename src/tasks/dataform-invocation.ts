import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { canonicalJson } from "../core/values/json.ts";
import { truncate } from "../core/values/text.ts";
import type {
  Compilation,
  Dataform,
  Invocation,
  InvocationAction,
  InvocationConfig,
  InvocationRequest,
  InvocationSource,
  InvocationState,
} from "../ports/services.ts";
import type { TaskNotes } from "../runtime/task-type.ts";

/**
 * Invocations from before this work started, which are not its own. Null: this work created the compilation result,
 * so all its invocations are its own.
 */
export type KnownInvocations = readonly string[] | null;

/** The invocation that the work waits for. */
export interface HeldInvocation {
  readonly name: string;
  /** Whether this work has certainly started it. Only such an invocation is ever cancelled. */
  readonly isOurs: boolean;
}

/** The form that a step stores. Earlier versions stored the name alone. */
export const StoredInvocationSchema = z
  .union([z.string(), z.object({ name: z.string(), isOurs: z.boolean() })])
  .nullish();

export function parseHeld(
  stored: z.infer<typeof StoredInvocationSchema>,
  known: KnownInvocations,
): HeldInvocation | undefined {
  return typeof stored === "string" ? { name: stored, isOurs: known === null } : (stored ?? undefined);
}

/**
 * Starts an invocation, or attaches to the one that an earlier attempt started. Dataform takes no request id and no
 * label, so the worker lists invocations before and after it creates one. If only this work invokes the compilation
 * result, the first invocation stays and the others are cancelled. If others may invoke it too, an invocation that
 * might be theirs is waited for and never cancelled.
 */
export async function startOrAttach(
  dataform: Dataform,
  request: InvocationRequest,
  known: KnownInvocations,
): Promise<HeldInvocation> {
  const found = await candidates(dataform, request, known);
  if (known !== null) {
    const [adopted] = firstOfAll(found.filter(mayStillSucceed));
    if (adopted) return { name: adopted.name, isOurs: false };
    return { name: (await dataform.invoke(request)).name, isOurs: true };
  }
  const made = found.length === 0 ? [await dataform.invoke(request)] : [];
  const all = made.length === 0 ? found : await candidates(dataform, request, known);
  const [first, ...others] = firstOfAll([...all, ...made]);
  for (const other of others) await cancelIfRunning(dataform, other.name, request.signal);
  if (!first)
    throw new TaskError("The list of Dataform does not show the invocation", {
      code: "DATAFORM_UNAVAILABLE",
    });
  return { name: first.name, isOurs: true };
}

/** The running invocation that another batch has started in a round that this one inherits. */
export async function findRunning(
  dataform: Dataform,
  request: InvocationRequest,
  known: KnownInvocations,
): Promise<HeldInvocation | null> {
  const found = await candidates(dataform, request, known);
  const running = found.find(({ state }) => state === "RUNNING");
  return running ? { name: running.name, isOurs: known === null } : null;
}

/** All invocations that the work has certainly started. */
export async function findOwn(
  dataform: Dataform,
  request: InvocationRequest,
  known: KnownInvocations,
): Promise<readonly Invocation[]> {
  return known === null ? candidates(dataform, request, known) : [];
}

/** Invocations that this work may have started: of a shared source, the new ones with the same settings. */
async function candidates(
  dataform: Dataform,
  { source, signal }: InvocationRequest,
  known: KnownInvocations,
): Promise<readonly Invocation[]> {
  const all = await listInvocations(dataform, source, signal);
  if (known === null) return all;
  return all.filter((one) => !known.includes(one.name) && isSame(one, source));
}

/** All invocations of a source, of this work or others. */
export async function listInvocations(
  dataform: Dataform,
  source: InvocationSource,
  signal: AbortSignal,
): Promise<readonly Invocation[]> {
  const isWorkflow = "workflowConfig" in source;
  const named = isWorkflow ? source.workflowConfig : source.compilationResult;
  const all = await dataform.invocations(named.split("/").slice(0, 6).join("/"), signal);
  return all.filter((one) => named === (isWorkflow ? one.workflowConfig : one.compilationResult));
}

function mayStillSucceed({ state }: Invocation): boolean {
  return state === "RUNNING" || state === "SUCCEEDED";
}

/** Without duplicates, in the order in which they started. */
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
    // It may have ended in the meantime. Then it can't be cancelled.
    if ((await dataform.invocation(name, signal)).state === "RUNNING") throw error;
  }
}

/** Whether this work could have made this invocation of the source. */
function isSame(one: Invocation, source: InvocationSource): boolean {
  // An invocation of a workflow configuration has the settings of that configuration, unless it was changed since.
  if ("workflowConfig" in source) return true;
  const isOfWorkflow = one.workflowConfig !== undefined;
  return !isOfWorkflow && !one.hasOtherSettings && comparable(one.config) === comparable(source.config);
}

/** Tags and targets are sets. */
function comparable({ includedTags, includedTargets, ...settings }: InvocationConfig): string {
  return canonicalJson([
    [...new Set(includedTags)].sort(),
    [...new Set(includedTargets.map(comparableTarget))].sort(),
    settings.transitiveDependenciesIncluded,
    settings.transitiveDependentsIncluded,
    settings.fullyRefreshIncrementalTables,
    settings.serviceAccount ?? null,
    settings.queryPriority ?? "INTERACTIVE",
  ]);
}

function comparableTarget({ database, schema, name }: InvocationConfig["includedTargets"][number]): string {
  return canonicalJson([database || null, schema || null, name]);
}

export type EndState = Exclude<InvocationState, "RUNNING" | "CANCELING">;

/** Undefined while it runs. */
export function endState(state: InvocationState): EndState | undefined {
  return state === "RUNNING" || state === "CANCELING" ? undefined : state;
}

export function countStates(actions: readonly InvocationAction[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { state } of actions) {
    const name = state.toLowerCase();
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

/** How many errors the message shows; the TaskLog keeps more. */
const shownErrors = 5;

export function compilationFailure({ name, errors }: Compilation): TaskError {
  const shown = errors
    .slice(0, shownErrors)
    .map(({ path, message }) => `${path ?? "no file"}: ${truncate(message, limits.noteCharacters)}`);
  const more = errors.length > shownErrors ? `; and ${errors.length - shownErrors} more` : "";
  return new TaskError(`${name} has errors: ${shown.join("; ")}${more}`, {
    code: "DATAFORM_COMPILATION_FAILED",
    retryable: false,
  });
}

/** Reports every failed action. */
export function invocationFailure(
  context: TaskNotes,
  invocation: string,
  state: EndState,
  actions: readonly InvocationAction[],
  retryable: boolean,
): TaskError {
  const failed = actions
    .filter((action) => action.state === "FAILED")
    .map(({ target, failureReason }) => `${target}: ${failureReason ?? "no reason given"}`);
  for (const failure of failed) context.error(failure);
  const shown = failed.slice(0, shownErrors).map((failure) => truncate(failure, limits.noteCharacters));
  const more = failed.length > shownErrors ? `; and ${failed.length - shownErrors} more` : "";
  const why = shown.length > 0 ? `: ${shown.join("; ")}${more}` : "";
  const how = state === "CANCELLED" ? "was cancelled" : "failed";
  return new TaskError(`${invocation} ${how}${why}`, { code: "DATAFORM_FAILED", retryable });
}
