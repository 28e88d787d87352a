import type { SpanContext } from "../core/messages.ts";
import type { StoredError } from "../core/records.ts";
import type { JsonValue } from "../core/values/json.ts";

/** An error is logged with the messages of all its causes, and where it was thrown. */
export type LogFields = { readonly [name: string]: JsonValue | Error | undefined };

/** Structured log. Fields never hold secrets or whole payloads. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export interface LogOutput {
  write(line: string): void;
}

/** Undefined attributes are left out. Attributes never hold secrets or payloads. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Whether the work runs in this process (`internal`), in another service (`client`), or because of a message
 * (`consumer`).
 */
export type SpanKind = "internal" | "client" | "consumer";

export interface SpanDescription {
  readonly name: string;
  /** Default `internal`. */
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
}

export type SpanFailure = Pick<StoredError, "code" | "message">;

/** The span of running work. */
export interface Span {
  set(attributes: SpanAttributes): void;
  /** Marks the work as failed although it does not throw. */
  fail(failure: SpanFailure): void;
}

/** A finished span of a batch's work. Times are milliseconds since 1970. */
export interface SpanRecord extends SpanDescription {
  readonly batchId: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failure?: SpanFailure | undefined;
}

/** Records traces. Every span belongs to the trace of one batch. A failure to record never makes the work fail. */
export interface Tracer {
  /** Runs work for a batch. Undefined: the batch is not known yet; `assignBatch` names it. */
  inBatch<T>(batchId: string | undefined, work: () => Promise<T>): Promise<T>;
  /** Names the batch of work that was started without one. */
  assignBatch(batchId: string): void;
  /**
   * Runs work in a child span of the caller's. An error is recorded and rethrown. Outside of a batch it only runs it.
   */
  inSpan<T>(description: SpanDescription, work: (span: Span) => Promise<T>): Promise<T>;
  /** Records a finished part of the batch's work. */
  record(span: SpanRecord): void;
  /** Records the span of the whole batch. Call it once a batch. */
  recordBatch(span: SpanRecord): void;
  /** The span in which the caller runs. */
  current(): SpanContext | undefined;
  /** Exports the recorded spans. Takes at most `limits.traceFlushMs`, and never rejects. */
  flush(): Promise<void>;
  /** Exports the remaining spans. Takes at most `limits.traceCloseMs`, and never rejects. */
  close(): Promise<void>;
}
