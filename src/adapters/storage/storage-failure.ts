import { setTimeout as delay } from "node:timers/promises";
import { BatonError } from "../../core/errors/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";
import { retryInPlaceDelayMs } from "../remote/http-request.ts";
import { toClientFailure } from "../remote/service-response.ts";

const transientReasons: ReadonlySet<string> = new Set([
  "rateLimitExceeded",
  "userRateLimitExceeded",
  "conditionalRequestConflict",
]);

interface StorageFailureOptions {
  readonly status?: number | undefined;
  readonly isTransient: boolean;
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** A call that Cloud Storage refused or did not answer. */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure";
  /** Undefined without a response from the service: the call may have been carried out. */
  readonly status: number | undefined;
  /** Whether the same call may succeed later. */
  readonly isTransient: boolean;
  /** How long Cloud Storage asks its client to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: StorageFailureOptions) {
    super(message, { cause: options.cause });
    this.status = options.status;
    this.isTransient = options.isTransient;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function toStorageFailure(thrown: unknown): StorageFailure {
  if (thrown instanceof StorageFailure) return thrown;
  const { status, message, reasons, retryAfterSeconds } = toClientFailure(thrown);
  const isTransient =
    [0, 408, 429].includes(status) || status >= 500 || reasons.some((reason) => transientReasons.has(reason));
  return new StorageFailure(message, {
    status: status === 0 ? undefined : status,
    isTransient,
    retryAfterSeconds,
    cause: thrown,
  });
}

export function fileMissing(name: ObjectName, problem = "there is no such object"): BatonError {
  return new BatonError("FILE_MISSING", `${name.object}: ${problem}`, { where: `bucket ${name.bucket}` });
}

export function fileChanged(name: ObjectName, problem: string): BatonError {
  return new BatonError("FILE_CHANGED", `${name.object} ${problem}`, { where: `bucket ${name.bucket}` });
}

/** The object holds another generation than the one that the caller named. */
export function otherGeneration(
  name: ObjectName,
  current: string,
  requested: string | undefined,
): BatonError {
  return fileChanged(name, `has other content than requested: generation ${current}, not ${requested}`);
}

/** A `StorageFailure` under the code that Baton has for it. Other errors are returned as they are. */
export function toBatonError(error: unknown, name: ObjectName): unknown {
  if (!(error instanceof StorageFailure)) return error;
  const { retryAfterSeconds } = error;
  const context = { where: `bucket ${name.bucket}`, cause: error, retryAfterSeconds };
  const message = `${name.object}: ${error.message}`;
  if (error.isTransient) return new BatonError("OBJECTS_UNAVAILABLE", message, context);
  switch (error.status) {
    case 401:
    case 403:
      return new BatonError("FILE_DENIED", message, context);
    case 404:
      return fileMissing(name, error.message);
    case 412:
      return fileChanged(name, `was changed meanwhile: ${error.message}`);
    default:
      return new BatonError("OBJECTS_REFUSED", message, context);
  }
}

/** The first delay doubles with each try: about 3 seconds in all. */
const maxAttempts = 6;
const firstDelayMs = 100;

/**
 * Retries a call while its failure is transient. A failed call may have been carried out, and the caller must be able
 * to find that out. `attempt` counts from 1. Throws a `StorageFailure`, or the `BatonError` that `call` throws.
 */
export async function withRetries<T>(call: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(attempt);
    } catch (thrown) {
      if (thrown instanceof BatonError) throw thrown;
      const failure = toStorageFailure(thrown);
      // With jitter, so that callers that were refused together do not retry together.
      const backoffMs = firstDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      const waitMs = retryInPlaceDelayMs(backoffMs, failure.retryAfterSeconds);
      if (!failure.isTransient || attempt === maxAttempts || waitMs === undefined) throw failure;
      await delay(waitMs);
    }
  }
}
