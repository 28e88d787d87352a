import { GoogleCredentials } from "../remote/google-credentials.ts";
import type { FinishedSpan, SendSpans } from "./span-queue.ts";
import { traceLimits } from "./span-queue.ts";

export interface OtlpSettings {
  /** Where spans are posted to, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** The project that they are of, when they go to Google: then they are sent with the credentials of this machine. */
  readonly googleProject: string | undefined;
  /** What sends them: `service.name` and the like. */
  readonly resource: Readonly<Record<string, string>>;
  /** How long one sending may take with all its repetitions. Default: `traceLimits.traceExportSeconds`. */
  readonly exportSeconds?: number;
}

/**
 * Sends spans by OTLP over HTTP, as JSON. OpenTelemetry is loaded when the first spans are sent: after the work that they
 * tell of, and never where there are none.
 */
export function otlpSender(settings: OtlpSettings): SendSpans {
  let open: Promise<SendSpans> | undefined;
  return async (spans) => {
    open ??= openExporter(settings);
    await (await open)(spans);
  };
}

async function openExporter(settings: OtlpSettings): Promise<SendSpans> {
  const {
    url,
    googleProject,
    resource: attributes,
    exportSeconds = traceLimits.traceExportSeconds,
  } = settings;
  const [{ OTLPTraceExporter }, { resourceFromAttributes }, { toReadableSpan }] = await Promise.all([
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
    import("./readable-span.ts"),
  ]);
  const exporter = new OTLPTraceExporter({
    url,
    timeoutMillis: exportSeconds * 1_000,
    ...(googleProject !== undefined && { headers: googleHeaders(googleProject) }),
  });
  const resource = resourceFromAttributes(attributes);
  return (spans: readonly FinishedSpan[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const readable = spans.map((span) => toReadableSpan(span, resource));
    // 0 is success. https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-exporter
    exporter.export(readable, ({ code, error }) =>
      code === 0 ? resolve() : reject(error ?? new Error("The receiver refuses the spans")),
    );
    return promise;
  };
}

/**
 * Makes the headers of requests to Google's own receiver. Without credentials there are none, as the exporter demands:
 * then the receiver says what is missing.
 */
function googleHeaders(projectId: string): () => Promise<Record<string, string>> {
  const credentials = new GoogleCredentials({ scope: "https://www.googleapis.com/auth/trace.append" });
  return async () => {
    const own = await credentials.headers().catch(() => ({}));
    return { "x-goog-user-project": projectId, ...own };
  };
}
