import { BatonError, debugStack, isSkip } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { type Notes, toStoredError } from "../core/records.ts";
import { withPause } from "../core/retry.ts";
import { encodeJson, type JsonText } from "../core/values/json.ts";
import { withoutSecrets } from "../core/values/secrets.ts";
import { truncate } from "../core/values/text.ts";
import type { TaskOutcome } from "../ports/task-runner.ts";
import type { Logger } from "../ports/telemetry.ts";
import { errorPlace } from "./error-place.ts";
import { WaitForCompletion } from "./task-type.ts";

/**
 * The outcome of code that returned: its summary for the TaskLog and the children, and its result for the final
 * callback. Without a summary of its own, a result is also the summary. Throws `TASK_RESULT_NOT_JSON`,
 * `TASK_RESULT_TOO_LARGE`.
 */
export function toTaskOutcome(returned: unknown, notes: Notes | null): TaskOutcome {
  if (returned instanceof WaitForCompletion)
    return { kind: "parked", reason: "completion", seconds: returned.timeoutSeconds };
  if (!hasSummary(returned)) {
    const whole = encodeLimited(returned, "result");
    return { kind: "succeeded", summary: whole, result: whole, notes };
  }
  const summary = encodeLimited(returned.summary, "summary");
  return { kind: "succeeded", summary, result: encodeLimited(returned.result, "result"), notes };
}

/** An object with exactly the fields `result` and `summary`. */
function hasSummary(returned: unknown): returned is { readonly result: unknown; readonly summary: unknown } {
  if (typeof returned !== "object" || returned === null) return false;
  return Object.keys(returned).length === 2 && "result" in returned && "summary" in returned;
}

function encodeLimited(value: unknown, what: string): JsonText {
  const encoded = encodeJson(value);
  if (!encoded.ok)
    throw new BatonError(
      "TASK_RESULT_NOT_JSON",
      `The ${what} is not JSON: ${encoded.path}: ${encoded.problem}`,
    );
  if (encoded.bytes > limits.resultBytes)
    throw new BatonError(
      "TASK_RESULT_TOO_LARGE",
      `The ${what} has ${encoded.bytes} bytes; at most ${limits.resultBytes} are allowed`,
    );
  return encoded;
}

/** The outcome of code that threw: a failed attempt, which is logged unless there is no `logger`, or a skip. */
export function thrownOutcome(thrown: unknown, notes: Notes | null, logger: Logger | undefined): TaskOutcome {
  if (isSkip(thrown)) {
    const cause = truncate(withoutSecrets(thrown.message), limits.skipCharacters);
    return { kind: "skipped", reason: "skipped_by_task", cause, notes };
  }
  const place = errorPlace(thrown);
  const error = { ...toStoredError(thrown), ...(place !== undefined && { place }) };
  const failed = withPause(error, thrown);
  const { code, message } = failed.error;
  if (logger) logger.warn("attempt failed", { code, error: message, stack_trace: debugStack(thrown) });
  return { kind: "failed", ...failed, notes };
}
