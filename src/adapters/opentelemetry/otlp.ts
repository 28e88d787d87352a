import { GoogleCredentials } from "../remote/google-credentials.ts";
import type { FinishedSpan, SendSpans } from "./span-queue.ts";
import { traceLimits } from "./span-queue.ts";

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

/**
 * Sends spans as JSON by OTLP over HTTP. OpenTelemetry is loaded when the first spans are sent, so it delays neither
 * the start of the process nor its first task.
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
