import { type Attributes, type HrTime, SpanKind, SpanStatusCode, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { type Resource, resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { SpanAttributes } from "../../ports/telemetry.ts";
import { GoogleCredentials } from "../remote/google-credentials.ts";
import { type FinishedSpan, type SendSpans, traceLimits } from "./span-queue.ts";

export interface OtlpSettings {
  /** The address of the receiver, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** The project of the spans if the receiver is Google's. Requests then carry Application Default Credentials. */
  readonly googleProject: string | undefined;
  /** Attributes of the sender, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  /** Timeout of one export with all its retries. Default: `traceLimits.traceExportSeconds`. */
  readonly exportSeconds?: number;
}

/** Sends spans as JSON by OTLP over HTTP, with OpenTelemetry's exporter. */
export function openExporter(settings: OtlpSettings): SendSpans {
  const { url, googleProject, resource: attributes } = settings;
  const { exportSeconds = traceLimits.traceExportSeconds } = settings;
  const exporter = new OTLPTraceExporter({
    url,
    timeoutMillis: exportSeconds * 1_000,
    ...(googleProject !== undefined && { headers: googleHeaders(googleProject) }),
  });
  const resource = resourceFromAttributes(attributes);
  return (spans: readonly FinishedSpan[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const readable = spans.map((span) => toReadableSpan(span, resource));
    // Code 0 is success: https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-exporter
    exporter.export(readable, ({ code, error }) =>
      code === 0 ? resolve() : reject(error ?? new Error("The receiver refused the spans")),
    );
    return promise;
  };
}

/**
 * Headers for Google's receiver. The exporter does not allow this function to throw, so without credentials the
 * receiver refuses the request and reports why.
 */
function googleHeaders(projectId: string): () => Promise<Record<string, string>> {
  const credentials = new GoogleCredentials({ scope: "https://www.googleapis.com/auth/trace.append" });
  return async () => {
    const authorization = await credentials.headers().catch(() => ({}));
    return { "x-goog-user-project": projectId, ...authorization };
  };
}

const kinds = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
} as const;

/** Converts a span to the form that OpenTelemetry's exporters accept. */
function toReadableSpan(span: FinishedSpan, resource: Resource): ReadableSpan {
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
