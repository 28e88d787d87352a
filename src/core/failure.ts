import { BatonError, codeOf, messageOf } from "./errors.ts";
import { limits } from "./limits.ts";
import { withoutSecrets } from "./secrets.ts";
import { shortened } from "./short-text.ts";
import type { StoredError } from "./stored.ts";

/**
 * What a task threw, as its TaskLog keeps it: the whole reason, without secrets that it quotes. Anything but a TaskError or a
 * BatonError may be tried again.
 */
export function failureOf(thrown: unknown): StoredError {
  const message = shortened(withoutSecrets(messageOf(thrown)), limits.errorMessageCharacters);
  if (thrown instanceof BatonError)
    return { code: thrown.code, message, retryable: thrown.disposition === "retry" };
  if (isTaskError(thrown)) return { code: thrown.code, message, retryable: thrown.retryable };
  return { code: "TASK_FAILED", message, retryable: true };
}

/** By its shape: a workflow may have been loaded with another copy of the package. What was thrown may refuse to be looked at. */
function isTaskError(thrown: unknown): thrown is { readonly code: string; readonly retryable: boolean } {
  try {
    return (
      thrown instanceof Error &&
      thrown.name === "TaskError" &&
      "retryable" in thrown &&
      typeof thrown.retryable === "boolean" &&
      typeof codeOf(thrown) === "string"
    );
  } catch {
    return false;
  }
}
