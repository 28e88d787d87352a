import { BatonError, codeOf, messageOf } from "./errors.ts";
import { limits } from "./limits.ts";
import { withoutSecrets } from "./secrets.ts";
import { shortened } from "./short-text.ts";
import type { StoredError } from "./stored.ts";

/**
 * What a task threw, as its TaskLog keeps it: the whole reason, without secrets that it quotes. Anything but a
 * TaskError or a BatonError may be tried again.
 */
export function failureOf(thrown: unknown): StoredError {
  const message = shortened(withoutSecrets(messageOf(thrown)), limits.errorMessageCharacters);
  return { message, ...kindOf(thrown) };
}

/** What was thrown may refuse to be looked at. */
function kindOf(thrown: unknown): Pick<StoredError, "code" | "retryable"> {
  try {
    if (thrown instanceof BatonError) return { code: thrown.code, retryable: thrown.disposition === "retry" };
    if (isTaskError(thrown)) return { code: thrown.code, retryable: thrown.retryable };
  } catch {
    // So it is no error of ours.
  }
  return { code: "TASK_FAILED", retryable: true };
}

/** By its shape: a workflow may have been loaded with another copy of the package. */
function isTaskError(thrown: unknown): thrown is { readonly code: string; readonly retryable: boolean } {
  return (
    thrown instanceof Error &&
    thrown.name === "TaskError" &&
    "retryable" in thrown &&
    typeof thrown.retryable === "boolean" &&
    typeof codeOf(thrown) === "string"
  );
}
