import * as z from "zod";
import type { DataformOptions } from "../adapters/dataform/dataform.ts";
import type { OtlpSettings } from "../adapters/opentelemetry/otlp.ts";
import { logLevels } from "../adapters/pino/logger.ts";
import type { PowerBiOptions } from "../adapters/power-bi/power-bi.ts";
import { parseSecrets } from "../adapters/webhook/sender.ts";
import { errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { completionModes } from "../core/messages.ts";
import { QueuesSchema } from "../core/queues.ts";
import { parseDurationSeconds } from "../core/values/duration.ts";
import { NameSchema } from "../core/values/text.ts";
import { daySeconds } from "../core/values/time.ts";
import { flag, list, type RawEnvironment, serviceUrl, type VariableProblem } from "./variables.ts";

export const dataformVariables = {
  BATON_DATAFORM_ENDPOINT: serviceUrl.optional(),
  /** Accounts of repositories and workflow configurations. Baton needs permission to act as them. */
  BATON_DATAFORM_ACCOUNTS: list.pipe(z.array(z.email())).prefault(""),
};

const DataformVariables = z.object(dataformVariables);

export interface DataformSettings extends DataformOptions {
  /** The accounts that run Dataform's actions, in addition to those in tasks. */
  readonly accounts: readonly string[];
}

/** Without `BATON_DATAFORM_ENDPOINT`: Google's endpoint, with the credentials of the environment. */
export function dataformSettings(values: z.infer<typeof DataformVariables>): DataformSettings {
  return { apiEndpoint: values.BATON_DATAFORM_ENDPOINT, accounts: values.BATON_DATAFORM_ACCOUNTS };
}

const text = z.string().trim().min(1);

export const powerBiVariables = {
  BATON_POWERBI_TENANT_ID: text.optional(),
  BATON_POWERBI_CLIENT_ID: text.optional(),
  BATON_POWERBI_CLIENT_SECRET: text.optional(),
  BATON_POWERBI_ENDPOINT: serviceUrl.optional(),
  BATON_POWERBI_AUTHORITY: serviceUrl.optional(),
};

const PowerBiVariables = z.object(powerBiVariables);

/** The variables that Power BI requires. */
export const powerBiRequirements = [
  "BATON_POWERBI_TENANT_ID",
  "BATON_POWERBI_CLIENT_ID",
  "BATON_POWERBI_CLIENT_SECRET",
] as const;

/** The missing variables, if only some of the required ones are set. */
export function powerBiProblems(environment: RawEnvironment): VariableProblem[] {
  const missing = powerBiRequirements.filter((variable) => !environment[variable]);
  if (missing.length === powerBiRequirements.length) return [];
  return missing.map((variable) => ({ variable, message: "Missing: Power BI needs all of its variables" }));
}

/** Undefined unless all required variables of Power BI are set. */
export function powerBiSettings(values: z.infer<typeof PowerBiVariables>): PowerBiOptions | undefined {
  const { BATON_POWERBI_TENANT_ID: tenantId, BATON_POWERBI_CLIENT_ID: clientId } = values;
  const { BATON_POWERBI_CLIENT_SECRET: clientSecret } = values;
  if (tenantId === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  return {
    tenantId,
    clientId,
    clientSecret,
    apiEndpoint: values.BATON_POWERBI_ENDPOINT,
    authority: values.BATON_POWERBI_AUTHORITY,
  };
}

/** The variables of tracing. `OTEL_…` are OpenTelemetry's, `K_…` are Cloud Run's. */
const tracingVariables = {
  BATON_TRACES: z.enum(["none", "otlp"]).default("none"),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.string().optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
  K_SERVICE: z.string().optional(),
  K_REVISION: z.string().optional(),
};

const TraceVariables = z.object(tracingVariables);

/** Accepts traces by OTLP with credentials of the project. */
const googleReceiver = "https://telemetry.googleapis.com";
/** The default address of a collector on the same machine. */
const localReceiver = "http://localhost:4318";

const endpoints = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] as const;

/** The invalid addresses. They are checked only if traces are on: other programs may use the same variables. */
export function tracingProblems(environment: RawEnvironment): VariableProblem[] {
  if (environment.BATON_TRACES !== "otlp") return [];
  return endpoints.flatMap((variable) => {
    const text = environment[variable];
    if (text === undefined || /^https?:$/.test(URL.parse(text)?.protocol ?? "")) return [];
    return [{ variable, message: "Write an http:// or https:// address" }];
  });
}

/** Undefined if traces are off. `projectId`: set if a part runs on Google Cloud. */
export function tracingSettings(
  values: z.infer<typeof TraceVariables>,
  { engine, projectId }: { readonly engine: "embedded" | "gcp"; readonly projectId: string | undefined },
): OtlpSettings | undefined {
  if (values.BATON_TRACES === "none") return undefined;
  const defaultReceiver = engine === "gcp" ? googleReceiver : localReceiver;
  const receiver = (values.OTEL_EXPORTER_OTLP_ENDPOINT ?? defaultReceiver).replace(/\/+$/, "");
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

const duration = (name: string) =>
  z.string().transform((text, context) => {
    try {
      return parseDurationSeconds(text, name);
    } catch (error) {
      context.addIssue({ code: "custom", message: errorMessage(error) });
      return z.NEVER;
    }
  });

/** One secret, or several separated by spaces. The error does not show them. */
const secrets = z.string().transform((text, context) => {
  const parsed = parseSecrets(text);
  if (parsed) return parsed.join(" ");
  const message = "Write whsec_ and the base64 of 24 to 64 random bytes; separate several by a space";
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});

const isPositive = (seconds: number) => seconds > 0;
const mustBePositive = { message: "more than 0s" };

const host = z.string().regex(/^[^/\s]+:\d+$/, "write host:port, without http://");
const origin = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

/** The variables of the embedded engine, and of both engines. */
const embedded = {
  BATON_ENGINE: z.enum(["embedded", "gcp"]).default("embedded"),
  BATON_WAREHOUSE: z.enum(["duckdb", "bigquery"]).optional(),
  BATON_OBJECTS: z.enum(["folder", "storage"]).optional(),
  BATON_DATA: z.string().min(1).optional(),
  BATON_INBOX: z.string().min(1).optional(),
  BATON_INBOX_QUIET: duration("BATON_INBOX_QUIET").refine(isPositive, mustBePositive).optional(),
  BATON_WORKFLOWS: z.string().min(1).optional(),
  BATON_DURABILITY: z.enum(["full", "normal"]).default("full"),
  BATON_LEASE: duration("BATON_LEASE").refine(isPositive, mustBePositive).optional(),
  BATON_SWEEP: duration("BATON_SWEEP").refine(isPositive, mustBePositive).optional(),
  BATON_CONCURRENCY: z.coerce.number().int().min(1).max(limits.queueConcurrency).default(50),
  BATON_QUEUES: QueuesSchema.prefault(""),
  BATON_HTTP_ALLOW_PRIVATE: flag.prefault("false"),
  BATON_CALLBACK_SECRET: secrets.optional(),
  BATON_LOG_LEVEL: z.enum(logLevels).optional(),
  BATON_DEBUG: z.string().optional(),
};

/** The variables of Google Cloud. */
const google = {
  BATON_PROJECT: z.string().min(1).optional(),
  GOOGLE_CLOUD_PROJECT: z.string().min(1).optional(),
  BATON_LOCATION: z.string().min(1).optional(),
  BATON_PREFIX: NameSchema.default("baton"),
  BATON_DATABASE: z.string().min(1).default("(default)"),
  BATON_BUCKET: z.string().min(3).optional(),
  BATON_INBOX_BUCKET: z.string().min(3).optional(),
  BATON_DATASET: z
    .string()
    .regex(/^\w{1,1024}$/, "a dataset has letters, digits and _")
    .default("baton"),
  BATON_BIGQUERY_LOCATION: z.string().min(1).optional(),
  BATON_MAX_BYTES_BILLED: z.coerce.number().int().positive().optional(),
  BATON_SERVICE_ACCOUNT: z.email().optional(),
  BATON_RETENTION: duration("BATON_RETENTION")
    .refine((seconds) => seconds >= limits.minRetentionSeconds, {
      message: `at least ${limits.minRetentionSeconds / daySeconds} days: messages of a batch may be that old`,
    })
    .prefault("400d"),
  BATON_FUNCTION_TIMEOUT: duration("BATON_FUNCTION_TIMEOUT")
    .refine((seconds) => seconds >= limits.minFunctionSeconds && seconds < limits.deliveryDeadlineSeconds, {
      message:
        `from ${limits.minFunctionSeconds}s to less than ${limits.deliveryDeadlineSeconds}s, ` +
        "the longest deadline of a push",
    })
    .prefault("540s"),
  BATON_COMPLETIONS: z.enum(completionModes).default("published"),
  BATON_AUDIENCE: z.string().min(1).optional(),
  BATON_CALLERS: list.prefault(""),
  BATON_OIDC_ISSUER: origin.optional(),
  BATON_OIDC_KEYS_URL: z.url({ protocol: /^https?$/ }).optional(),
  BATON_CONSOLE_AUDIENCE: z.string().min(1).optional(),
  BATON_CONSOLE_OPERATORS: list.pipe(z.array(z.email())).prefault(""),
  BATON_CONSOLE_ISSUER: origin.optional(),
  BATON_CONSOLE_KEYS_URL: z.url({ protocol: /^https?$/ }).optional(),
};

/** Local servers that speak the protocols of Google's services. Google's clients read some of these variables too. */
const localServers = {
  FIRESTORE_EMULATOR_HOST: host.optional(),
  PUBSUB_EMULATOR_HOST: host.optional(),
  BATON_PUBSUB_ENDPOINT: origin.optional(),
  CLOUD_TASKS_EMULATOR_HOST: host.optional(),
  STORAGE_EMULATOR_HOST: origin.optional(),
  BIGQUERY_EMULATOR_HOST: origin.optional(),
  /** Read before parsing, because other variables may hold references to secrets. */
  BATON_SECRET_MANAGER_ENDPOINT: z.string().optional(),
};

/** If one of them is set, a process uses a local server instead of a service of Google. */
export const localServerVariables: readonly string[] = Object.keys(localServers);

/** All variables of a process. Each one is parsed by itself. */
export const EnvironmentSchema = z.object({
  ...embedded,
  ...google,
  ...localServers,
  ...dataformVariables,
  ...powerBiVariables,
  ...tracingVariables,
});
export type Environment = z.infer<typeof EnvironmentSchema>;
