import { relative, sep } from "node:path";
import { secretPath } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix } from "../core/template/secret-references.ts";
import { type Deployment, serviceAccountEmail } from "./plan.ts";
import type { Target } from "./target.ts";
import { looksSecret, secretNames, type TextVariables } from "./variables-file.ts";

/** Variables that the function gets as they are, if they are set. */
export const passedVariables = [
  "BATON_SWEEP",
  "BATON_QUEUES",
  "BATON_COMPLETIONS",
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

/** The function's variable that names the file of its deployment. */
export const variablesFileLabel = "BATON_DEPLOY_VARIABLES";

/** Where the function finds workflows without a variable. */
const defaultWorkflows = "dist/functions/workflows";

/** The variables of the function, without its secrets. `workflows`: the folder of the build, in the package. */
export function functionEnvironment(
  deployment: Deployment,
  target: Pick<Target, "environment" | "ownVariables" | "variablesFile">,
  { projectNumber, workflows }: { readonly projectNumber: string; readonly workflows: string },
): TextVariables {
  const { functionName, region } = deployment;
  const passed = passedVariables.flatMap((name) => {
    const value = target.environment[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...target.ownVariables,
    ...Object.fromEntries(passed),
    BATON_ENGINE: "gcp",
    BATON_PROJECT: deployment.projectId,
    BATON_LOCATION: region,
    BATON_PREFIX: deployment.prefix,
    BATON_DATABASE: deployment.databaseId,
    BATON_BUCKET: deployment.bucket,
    BATON_INBOX_BUCKET: deployment.inboxBucket,
    BATON_DATASET: deployment.dataset,
    BATON_BIGQUERY_LOCATION: deployment.bigQueryLocation,
    BATON_SERVICE_ACCOUNT: serviceAccountEmail(deployment, "function"),
    BATON_FUNCTION_TIMEOUT: `${deployment.functionTimeoutSeconds}s`,
    BATON_LEASE: `${deployment.leaseSeconds}s`,
    BATON_RETENTION: `${deployment.retentionDays}d`,
    // Known before the function exists: subscriptions push there, and it is the audience of their tokens.
    BATON_AUDIENCE: `https://${functionName}-${projectNumber}.${region}.run.app`,
    BATON_CALLERS: serviceAccountEmail(deployment, "push"),
    ...(workflows !== defaultWorkflows && { BATON_WORKFLOWS: workflows }),
    ...(target.variablesFile !== undefined && { [variablesFileLabel]: target.variablesFile }),
  };
}

/** Variables that Cloud Run reads from Secret Manager when an instance starts, each with its secret. */
export function functionSecrets({
  prefix,
  usesPowerBi,
}: Pick<Deployment, "prefix" | "usesPowerBi">): readonly (readonly [string, string])[] {
  return Object.entries(secretNames)
    .filter(([variable]) => usesPowerBi || variable === "BATON_CALLBACK_SECRET")
    .map(([variable, name]) => [variable, `${prefix}-${name}`] as const);
}

/** The folder of the built workflows in the package. Throws `CONFIGURATION_INVALID` for a folder that is not built. */
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

/** YAML for gcloud, in which each value is a text. */
export function environmentText(variables: RawEnvironment): string {
  const lines = Object.entries(variables).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `${lines.sort().join("\n")}\n`;
}

/** Variables that neither commands nor workflows read. Only the function may write traces. */
const functionOnly = /^(?:NODE_|OTEL_)|^BATON_DEPLOY_|^BATON_TRACES$/;

/** The variables for commands that look at a deployment: those of the function, and its secrets by name. */
export function commandEnvironment(
  {
    projectId,
    ownSecrets,
    ...deployment
  }: Pick<Deployment, "projectId" | "ownSecrets" | "prefix" | "usesPowerBi">,
  { ownVariables }: Pick<Target, "ownVariables">,
  functionVariables: TextVariables,
): TextVariables {
  const shown = Object.entries(functionVariables).filter(
    ([name, value]) => !functionOnly.test(name) && !(name in ownVariables && looksSecret(name, value)),
  );
  const references = [
    ...functionSecrets(deployment),
    ...Object.entries(ownSecrets).filter(([name]) => name.startsWith(taskSecretPrefix)),
  ].map(([variable, secret]) => {
    const [name = "", version = "latest"] = secret.split(":");
    return [
      variable,
      name.startsWith("projects/") ? `${name}/versions/${version}` : secretPath(projectId, name, version),
    ];
  });
  return Object.fromEntries([...shown, ...references]);
}

/** Lines that a shell and Node (`--env-file`) read in the same way. */
export function commandEnvironmentText(variables: TextVariables): string {
  const lines = Object.entries(variables).map(([name, value]) => {
    if (!value.includes("'")) return `${name}='${value}'`;
    if (!/["$`\\]/.test(value)) return `${name}="${value}"`;
    return `# ${name} is left out: a shell and Node need different quotes for it`;
  });
  const head =
    "# Written by `baton deploy`. It names the secrets in Secret Manager, and leaves out variables that look like secrets.";
  return `${[head, ...lines.sort()].join("\n")}\n`;
}
