import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { errorMessage, TaskError } from "../../core/errors/errors.ts";

/** What BigQuery says is wrong: with a request, or with a job that has ended. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** An answer of BigQuery that is not a success. */
export class BigQueryRefusal extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly reason: string;
  /** How long BigQuery asks to be left in peace. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, problem: Problem, retryAfterSeconds?: number) {
    super(problem.message);
    this.status = status;
    this.reason = problem.reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A failure that another attempt cannot mend. */
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

/** Whether the same may succeed later. Two writers of one table get in each other's way only for a moment. */
export function isTransient({ reason, message }: Problem): boolean {
  return transientReasons.has(reason) || /could not serialize access|concurrent update/i.test(message);
}

/** What a problem is called that has the same name whatever was asked for; undefined for the others. */
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

/** What was thrown, under the given code if it is an answer that has no name of its own. */
export function toTaskFailure(code: ErrorCode, prefix: string, thrown: unknown): unknown {
  if (!(thrown instanceof BigQueryRefusal)) return thrown;
  const problem = { reason: thrown.reason, message: errorMessage(thrown) };
  return commonFailure(problem, thrown) ?? finalFailure(code, `${prefix}: ${problem.message}`, thrown);
}
