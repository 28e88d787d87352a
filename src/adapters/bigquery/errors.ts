import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { errorMessage, TaskError } from "../../core/errors/errors.ts";

/** BigQuery's error for a request or for a job. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** An error response of BigQuery. */
export class BigQueryRefusal extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly reason: string;
  /** How long BigQuery asks its client to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, problem: Problem, retryAfterSeconds?: number) {
    super(problem.message);
    this.status = status;
    this.reason = problem.reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A failure that another attempt would meet again. */
export function finalFailure(code: ErrorCode, message: string, cause?: unknown): TaskError {
  return new TaskError(message, { code, retryable: false, cause });
}

export function unavailable(message: string, cause?: unknown): TaskError {
  const retryAfterSeconds = cause instanceof BigQueryRefusal ? cause.retryAfterSeconds : undefined;
  const options = { code: "WAREHOUSE_FAILED", retryable: true, cause, retryAfterSeconds };
  return new TaskError(`BigQuery failed: ${message}`, options);
}

const transientReasons: ReadonlySet<string> = new Set([
  "backendError",
  "internalError",
  "jobBackendError",
  "jobInternalError",
  "jobRateLimitExceeded",
  "quotaExceeded",
  "rateLimitExceeded",
  "resourceInUse",
  "tableUnavailable",
  "timeout",
  "userRateLimitExceeded",
]);

/** Whether a retry may succeed. Two writers of one table conflict only for a moment. */
export function isTransient({ reason, message }: Problem): boolean {
  return transientReasons.has(reason) || /could not serialize access|concurrent update/i.test(message);
}

/** The error for a problem that any request or job may have. Undefined if its meaning depends on the request. */
export function commonFailure(problem: Problem, cause?: unknown): TaskError | undefined {
  const { reason, message } = problem;
  if (isTransient(problem)) return unavailable(message, cause);
  switch (reason) {
    case "accessDenied":
    case "accessNotConfigured":
    case "authError":
    case "billingNotEnabled":
    case "forbidden":
      return finalFailure("WAREHOUSE_DENIED", `BigQuery refused: ${message}`, cause);
    case "bytesBilledLimitExceeded":
      return finalFailure("QUERY_TOO_EXPENSIVE", message, cause);
    case "stopped":
      return finalFailure("WAREHOUSE_JOB_STOPPED", `The job was stopped: ${message}`, cause);
    default:
      return undefined;
  }
}

/** Converts a `BigQueryRefusal` to a `TaskError`, with this code unless it has a common one. */
export function toTaskFailure(code: ErrorCode, prefix: string, thrown: unknown): unknown {
  if (!(thrown instanceof BigQueryRefusal)) return thrown;
  const problem = { reason: thrown.reason, message: errorMessage(thrown) };
  return commonFailure(problem, thrown) ?? finalFailure(code, `${prefix}: ${problem.message}`, thrown);
}
