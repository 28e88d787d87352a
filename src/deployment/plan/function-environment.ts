import { relative, sep } from "node:path";
import type { RawEnvironment } from "../../composition/variable-problems.ts";
import { BatonError } from "../../core/errors.ts";
import { secretNames } from "../target/secret-names.ts";
import type { Target } from "../target/target.ts";
import { accountOf, type Deployment } from "./plan.ts";

/** Variables that are passed on as they are, when they are set. */
export const passedOn = [
  "BATON_SWEEP",
  "BATON_COMPLETIONS",
  "BATON_QUEUES",
  "BATON_HTTP_ALLOW_PRIVATE",
  "BATON_LOG_LEVEL",
  "BATON_MAX_BYTES_BILLED",
  "BATON_OIDC_ISSUER",
  "BATON_OIDC_KEYS_URL",
  "BATON_DATAFORM_ENDPOINT",
  "BATON_DATAFORM_ACCOUNTS",
  "BATON_POWERBI_TENANT_ID",
  "BATON_POWERBI_CLIENT_ID",
  "BATON_POWERBI_ENDPOINT",
  "BATON_POWERBI_AUTHORITY",
  "BATON_TRACES",
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_SERVICE_NAME",
] as const;

/** Where the function keeps the name of the file that it was deployed with. */
export const fileVariable = "BATON_DEPLOY_VARIABLES";

/** The function looks for workflows here by itself. */
const usualWorkflows = "dist/functions/workflows";

export interface FunctionPlace {
  /** Part of the function's address, which is known before the function is. */
  readonly projectNumber: string;
  /** The built workflows, from the package's folder. */
  readonly workflows: string;
}

/** Every variable of the function but its secrets. */
export function functionEnvironment(
  deployment: Deployment,
  {
    environment,
    ownVariables,
    variablesFile,
  }: Pick<Target, "environment" | "ownVariables" | "variablesFile">,
  { projectNumber, workflows }: FunctionPlace,
): Readonly<Record<string, string>> {
  const passed = passedOn.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...ownVariables,
    ...Object.fromEntries(passed),
    BATON_ENGINE: "gcp",
    BATON_PROJECT: deployment.projectId,
    BATON_LOCATION: deployment.region,
    BATON_PREFIX: deployment.prefix,
    BATON_DATABASE: deployment.databaseId,
    BATON_BUCKET: deployment.bucket,
    BATON_INBOX_BUCKET: deployment.inboxBucket,
    BATON_DATASET: deployment.dataset,
    BATON_BIGQUERY_LOCATION: deployment.bigQueryLocation,
    BATON_SERVICE_ACCOUNT: accountOf(deployment, "function"),
    BATON_FUNCTION_TIMEOUT: `${deployment.functionTimeoutSeconds}s`,
    BATON_LEASE: `${deployment.leaseSeconds}s`,
    BATON_RETENTION: `${deployment.retentionDays}d`,
    BATON_AUDIENCE: functionUrl(deployment, projectNumber),
    BATON_CALLERS: accountOf(deployment, "push"),
    ...(workflows !== usualWorkflows && { BATON_WORKFLOWS: workflows }),
    // The next deployment looks whether its file was forgotten.
    ...(variablesFile !== undefined && { [fileVariable]: variablesFile }),
  };
}

/** Known before there is a function: subscriptions push there, and their tokens are for it. */
function functionUrl({ functionName, region }: Deployment, projectNumber: string): string {
  return `https://${functionName}-${projectNumber}.${region}.run.app`;
}

/** Secrets that Cloud Run takes from Secret Manager when an instance starts: variable and secret. */
export function functionSecrets({ prefix, usesPowerBi }: Deployment): readonly (readonly [string, string])[] {
  return Object.entries(secretNames)
    .filter(([variable]) => usesPowerBi || variable === "BATON_CALLBACK_SECRET")
    .map(([variable, name]) => [variable, `${prefix}-${name}`] as const);
}

/** Where the built workflows are in the package. Throws `CONFIGURATION_INVALID` for a folder that is not built. */
export function builtWorkflows(folder: string, root: string): string {
  const path = relative(root, folder).split(sep).join("/");
  if (/^dist\/functions(?:\/|$)/.test(path)) return path;
  if (/^functions\/./.test(path)) return `dist/${path}`;
  throw new BatonError(
    "CONFIGURATION_INVALID",
    "Only what is below functions/ is built and deployed: put the workflows into functions/workflows",
    { where: `BATON_WORKFLOWS=${path}` },
  );
}

/** YAML that gcloud reads: each value is a text. */
export function environmentText(variables: RawEnvironment): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `${lines.sort().join("\n")}\n`;
}
