import { TaskError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { shortened } from "../core/short-text.ts";
import type { Compilation, InvocationAction, InvocationState } from "../ports/dataform.ts";
import type { TaskNotes } from "../runtime/note-taker.ts";

export type EndState = Exclude<InvocationState, "RUNNING" | "CANCELING">;

/** Undefined while it goes on. */
export function endOf(state: InvocationState): EndState | undefined {
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
    .map(({ path, message }) => `${path ?? "no file"}: ${shortened(message, limits.noteCharacters)}`);
  const more = errors.length > shownErrors ? `; and ${errors.length - shownErrors} more` : "";
  return new TaskError(`${name} has errors: ${shown.join("; ")}${more}`, {
    code: "DATAFORM_COMPILATION_FAILED",
    retryable: false,
  });
}

/** Notes every action that failed. */
export function failureOf(
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
  const shown = failed.slice(0, shownErrors).map((failure) => shortened(failure, limits.noteCharacters));
  const more = failed.length > shownErrors ? `; and ${failed.length - shownErrors} more` : "";
  const why = shown.length > 0 ? `: ${shown.join("; ")}${more}` : "";
  const how = state === "CANCELLED" ? "was cancelled" : "failed";
  return new TaskError(`${invocation} ${how}${why}`, { code: "DATAFORM_FAILED", retryable });
}
