import type { TracePlace } from "../../core/trace.ts";
import type { SpanAttributes, SpanFailure, SpanKind } from "../../ports/tracer.ts";

/** A span as it waits to be sent: the classes of OpenTelemetry are loaded when the first ones are. */
export interface FinishedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly place: TracePlace;
  /** Undefined for the root of a trace. */
  readonly parentSpanId: string | undefined;
  /** Milliseconds since 1970, with fractions. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly attributes: SpanAttributes;
  readonly failure: SpanFailure | undefined;
}

/** Sends spans. Rejects when they were not taken. */
export type SendSpans = (spans: readonly FinishedSpan[]) => Promise<void>;
