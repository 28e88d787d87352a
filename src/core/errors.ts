export { messageOf } from "./reason.ts";

import type { Disposition } from "./error-catalog/entry.ts";
import { type ErrorCode, errorCatalog } from "./error-catalog.ts";
import type { JsonObject } from "./json.ts";

export interface ErrorContext {
  /** Where it happened: a file and line, a document, a field. */
  readonly where?: string;
  readonly details?: JsonObject;
  readonly cause?: unknown;
  /** What to do here, where the code's own remedy says too little. */
  readonly remedy?: string;
  /** How long the same is not to be tried again, as the other side asks. */
  readonly retryAfterSeconds?: number | undefined;
}

/** An error a user may see: it has a code, says what happened and where, and what to do. */
export class BatonError extends Error {
  override readonly name: string = "BatonError";
  readonly code: ErrorCode;
  readonly where: string | undefined;
  readonly details: JsonObject | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly #remedy: string | undefined;

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}) {
    super(context.where ? `${message} (${context.where})` : message, { cause: context.cause });
    this.code = code;
    this.where = context.where;
    this.details = context.details;
    this.retryAfterSeconds = context.retryAfterSeconds;
    this.#remedy = context.remedy;
  }

  get remedy(): string {
    return this.#remedy ?? errorCatalog[this.code].remedy;
  }

  get disposition(): Disposition {
    return errorCatalog[this.code].disposition;
  }
}

export interface TaskErrorOptions {
  /** Whether another attempt may succeed. Default true. */
  readonly retryable?: boolean;
  /** A code of the task's own, or one of Baton's. Default `TASK_FAILED`. */
  readonly code?: string;
  readonly cause?: unknown;
  /**
   * Seconds before which another attempt makes no sense, such as the `Retry-After` of an answer. The retry policy's
   * own wait counts when it is longer. At most a day (`limits.retryAfterSeconds`).
   */
  readonly retryAfterSeconds?: number | undefined;
}

/** What a task throws to fail. Anything else it throws counts as a retryable TaskError. */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly retryable: boolean;
  readonly code: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: TaskErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable ?? true;
    this.code = options.code ?? "TASK_FAILED";
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Where something came from that nobody foresaw; undefined for errors with a code, which say what they are. */
export function stackOf(thrown: unknown): string | undefined {
  try {
    // By name: a workflow may have been loaded with another copy of the package.
    const isCoded = thrown instanceof Error && (thrown.name === "BatonError" || thrown.name === "TaskError");
    return thrown instanceof Error && !isCoded ? thrown.stack : undefined;
  } catch {
    return undefined;
  }
}

/** The code that an error brought along: of the system, such as `ENOENT`, of gRPC or HTTP, or of Baton. */
export function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}
