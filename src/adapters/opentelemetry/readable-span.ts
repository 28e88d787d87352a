import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { SpanAttributes } from "../../ports/telemetry.ts";
import type { FinishedSpan } from "./span-queue.ts";

const kinds = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

/** Converts a span to the form that OpenTelemetry's exporters accept. */
export function toReadableSpan(span: FinishedSpan, resource: Resource): ReadableSpan {
  const { place, parentSpanId, failure, startedAt } = span;
  const { traceId } = place;
  // The clock may have been set back since the span started.
  const endedAt = Math.max(startedAt, span.endedAt);
  const flags = { traceFlags: TraceFlags.SAMPLED };
  const exception = failure && {
    time: toHrTime(endedAt),
    name: "exception",
    attributes: { "exception.type": failure.code, "exception.message": failure.message },
  };
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => ({ ...place, ...flags }),
    ...(parentSpanId !== undefined && { parentSpanContext: { traceId, spanId: parentSpanId, ...flags } }),
    startTime: toHrTime(startedAt),
    endTime: toHrTime(endedAt),
    duration: toHrTime(endedAt - startedAt),
    status: failure
      ? { code: SpanStatusCode.ERROR, message: failure.message }
      : { code: SpanStatusCode.UNSET },
    attributes: withoutUndefined({ ...span.attributes, "error.type": failure?.code }),
    links: [],
    events: exception ? [exception] : [],
    ended: true,
    resource,
    instrumentationScope: { name: "baton" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function toHrTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1_000);
  return [seconds, Math.floor((milliseconds - seconds * 1_000) * 1_000_000)];
}

function withoutUndefined(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
