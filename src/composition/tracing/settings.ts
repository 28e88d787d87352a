import * as z from "zod";
import type { OtlpSettings } from "../../adapters/opentelemetry/otlp.ts";
import type { RawEnvironment, VariableProblem } from "../variable-problems.ts";

/** The variables of tracing, for the schema of the environment. Those not of Baton are OpenTelemetry's and Cloud Run's. */
export const tracingVariables = {
  BATON_TRACES: z.enum(["none", "otlp"]).default("none"),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
  K_SERVICE: z.string().optional(),
  K_REVISION: z.string().optional(),
};

const Variables = z.object(tracingVariables);

/** Takes traces by OTLP, from whoever has credentials of the project. */
const googleReceiver = "https://telemetry.googleapis.com";
/** Where a collector on the same machine listens. */
const localReceiver = "http://localhost:4318";

const endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] as const;

/** What is wrong with the addresses. They may be meant for somebody else as long as no traces are wanted. */
export function tracingProblems(environment: RawEnvironment): VariableProblem[] {
  if (environment.BATON_TRACES !== "otlp") return [];
  return endpoints.flatMap((variable) => {
    const text = environment[variable];
    if (text === undefined || /^https?:$/.test(URL.parse(text)?.protocol ?? "")) return [];
    return [{ variable, message: "Write an http:// or https:// address" }];
  });
}

/** Undefined when no traces are wanted. `projectId`: of the parts that are Google's. */
export function tracingSettings(
  values: z.infer<typeof Variables>,
  { engine, projectId }: { readonly engine: "embedded" | "gcp"; readonly projectId: string | undefined },
): OtlpSettings | undefined {
  if (values.BATON_TRACES === "none") return undefined;
  const usual = engine === "gcp" ? googleReceiver : localReceiver;
  const receiver = (values.OTEL_EXPORTER_OTLP_ENDPOINT ?? usual).replace(/\/+$/, "");
  const url = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `${receiver}/v1/traces`;
  return {
    url,
    googleProject: url.startsWith(`${googleReceiver}/`) ? projectId : undefined,
    resource: {
      "service.name": values.OTEL_SERVICE_NAME ?? values.K_SERVICE ?? "baton",
      ...(values.K_REVISION !== undefined && { "service.version": values.K_REVISION }),
      ...(projectId !== undefined && { "gcp.project_id": projectId }),
    },
  };
}
