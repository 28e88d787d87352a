import * as z from "zod";
import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { serveTestHttp } from "../kit/http-server.ts";
import { Meter } from "../kit/meter.ts";

/** OTLP's JSON: ids in hexadecimal, enums as numbers, nanoseconds as text or number. */
const ValueSchema = z
  .object({
    stringValue: z.string().optional(),
    boolValue: z.boolean().optional(),
    intValue: z.coerce.number().optional(),
    doubleValue: z.number().optional(),
  })
  .transform(
    ({ stringValue, boolValue, intValue, doubleValue }) =>
      stringValue ?? boolValue ?? intValue ?? doubleValue,
  );
const AttributesSchema = z
  .array(z.object({ key: z.string(), value: ValueSchema }))
  .default([])
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, value])));
const MillisecondsSchema = z
  .union([z.string(), z.number()])
  .transform((nanoseconds) => Number(BigInt(nanoseconds) / 1_000n) / 1_000);
const SpanSchema = z.object({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.int().min(1).max(5),
  startTimeUnixNano: MillisecondsSchema,
  endTimeUnixNano: MillisecondsSchema,
  attributes: AttributesSchema,
  status: z.object({ code: z.int().default(0), message: z.string().optional() }),
  events: z.array(z.object({ name: z.string(), attributes: AttributesSchema })).default([]),
});
const RequestSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: AttributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(SpanSchema) })),
    }),
  ),
});

export type ReceivedSpan = z.infer<typeof SpanSchema>;

export interface OtlpServer {
  readonly url: string;
  /** In the order in which they came. */
  readonly spans: readonly ReceivedSpan[];
  /** Attributes of the resource of the last request. */
  resource(): Readonly<Record<string, unknown>>;
  /** Headers of every request. */
  readonly headers: readonly Readonly<Record<string, unknown>>[];
  readonly meter: Meter;
  setFaults(plan: FaultPlan): void;
  close(): Promise<void>;
}

/**
 * A receiver of traces by OTLP over HTTP, as JSON, at `/v1/traces`. It keeps all spans. Left out: Protobuf,
 * compression, metrics and logs, partial success, quotas. Spans are counted as Cloud Trace bills them: `spans`.
 */
export async function startOtlpServer(
  options: { readonly faults?: FaultPlan; readonly meter?: Meter; readonly port?: number } = {},
): Promise<OtlpServer> {
  const { faults = noFaults, meter = new Meter(), port = 0 } = options;
  const spans: ReceivedSpan[] = [];
  const headers: Record<string, unknown>[] = [];
  let resource: Readonly<Record<string, unknown>> = {};
  const server = await serveTestHttp({
    service: "otlp",
    faults,
    port,
    handle: (call) => {
      if (call.method !== "POST" || call.path !== "/v1/traces") return { status: 404 };
      headers.push({ ...call.headers });
      const { resourceSpans } = RequestSchema.parse(JSON.parse(call.body.toString("utf8")));
      for (const part of resourceSpans) {
        resource = part.resource.attributes;
        const received = part.scopeSpans.flatMap((scope) => scope.spans);
        spans.push(...received);
        meter.add("spans", received.length);
      }
      return { status: 200, body: {} };
    },
  });
  return {
    url: server.url,
    spans,
    headers,
    meter,
    resource: () => resource,
    setFaults: server.setFaults,
    close: server.close,
  };
}
