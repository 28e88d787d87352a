import type { SpanContext } from "../core/messages.ts";
import type { StoredError } from "../core/records.ts";
import type { JsonValue } from "../core/values/json.ts";

/** An error is written with the whole of its reason, and where it was thrown. */
export type LogFields = { readonly [name: string]: JsonValue | Error | undefined };

/** Structured log. Fields never hold secrets or whole payloads. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Takes lines of the log. */
export interface LogOutput {
  write(line: string): void;
}

/** Undefined ones are left out. They never hold secrets or payloads. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Whether the work is done here (`internal`), asked of somebody else (`client`), or asked for by a message
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

/** A piece of work that is under way. */
export interface Span {
  set(attributes: SpanAttributes): void;
  /** The work has failed, though it does not throw. */
  fail(failure: SpanFailure): void;
}

/** A piece of a batch's work that is over. Times are milliseconds since 1970. */
export interface SpanRecord extends SpanDescription {
  readonly batchId: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failure?: SpanFailure | undefined;
}

/** Tells where time went. Every span belongs to the trace of one TaskBatch; nothing it does can make the work fail. */
export interface Tracer {
  /** All that `work` does is done for the batch; undefined: for none, until `adopt` names one. */
  inBatch<T>(batchId: string | undefined, work: () => Promise<T>): Promise<T>;
  /** Names the batch of work that was begun without one. */
  assignBatch(batchId: string): void;
  /**
   * Work within the work that calls this. What it throws is told of, and thrown. Outside of any batch, just the work.
   */
  inSpan<T>(description: SpanDescription, work: (span: Span) => Promise<T>): Promise<T>;
  /** Part of the batch's work. */
  record(span: SpanRecord): void;
  /** The batch as a whole. To be told once. */
  recordBatch(span: SpanRecord): void;
  /** Where the work that calls this stands. */
  current(): SpanContext | undefined;
  /** Sends what has been told. Takes `limits.traceFlushMs` at most, and never rejects. */
  flush(): Promise<void>;
  /** Sends what is left. Takes `limits.traceCloseMs` at most, and never rejects. */
  close(): Promise<void>;
}
