import { isAbsolute, normalize, sep } from "node:path";
import * as z from "zod";
import { secretPath } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix } from "../core/template/secret-references.ts";
import { type Deployment, serviceAccountEmail } from "./plan.ts";
import type { Deploying, Prepared } from "./prepare.ts";
import type { Target } from "./target.ts";
import { commandFailure, readJson, type VariableChange } from "./tools.ts";
import { functionSecrets, looksSecret, type TextVariables } from "./variables-file.ts";

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
const variablesFileLabel = "BATON_DEPLOY_VARIABLES";

/** The variables of the function, without its secrets. Its package.json says where its workflows are. */
export function functionEnvironment(
  deployment: Deployment,
  target: Pick<Target, "environment" | "ownVariables" | "variablesFile">,
  { projectNumber }: { readonly projectNumber: string },
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
    ...(target.variablesFile !== undefined && { [variablesFileLabel]: target.variablesFile }),
  };
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
  deployment: Pick<Deployment, "projectId" | "ownSecrets" | "prefix" | "usesPowerBi">,
  { ownVariables }: Pick<Target, "ownVariables">,
  functionVariables: TextVariables,
): TextVariables {
  const { projectId, ownSecrets } = deployment;
  const shown = Object.entries(functionVariables).filter(
    ([name, value]) => !functionOnly.test(name) && !(name in ownVariables && looksSecret(name, value)),
  );
  const references = [
    ...functionSecrets(deployment),
    ...Object.entries(ownSecrets).filter(([name]) => name.startsWith(taskSecretPrefix)),
  ].map(([variable, secret]) => {
    const [name = "", version = "latest"] = secret.split(":");
    const isPath = name.startsWith("projects/");
    return [variable, isPath ? `${name}/versions/${version}` : secretPath(projectId, name, version)];
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
  const leftOut = "variables that look like secrets";
  const head = `# Written by \`baton deploy\`. It names the secrets in Secret Manager, and leaves out ${leftOut}.`;
  return `${[head, ...lines.sort()].join("\n")}\n`;
}

const VariableSchema = z
  .object({ name: z.string(), value: z.string().default(""), valueFrom: z.unknown().optional() })
  .transform(({ name, value, valueFrom }) => [name, valueFrom === undefined ? value : null] as const);
const ContainerSchema = z.object({ env: z.array(VariableSchema).default([]) });
const ContainersSchema = z.object({ containers: z.array(ContainerSchema).default([]) });
const TrafficSchema = z.object({ revisionName: z.string().optional(), percent: z.number().default(0) });
const ServiceSchema = z
  .object({
    spec: z.object({ template: z.object({ spec: ContainersSchema }) }).optional(),
    status: z.object({ traffic: z.array(TrafficSchema).default([]) }).prefault({}),
  })
  .transform(({ spec, status }) => {
    const [container] = spec?.template.spec.containers ?? [];
    const [most] = status.traffic.toSorted((a, b) => b.percent - a.percent);
    // Null for a variable from Secret Manager.
    const variables: Readonly<Record<string, string | null>> = Object.fromEntries(container?.env ?? []);
    return { revision: most?.revisionName, variables };
  });

/** The function as it is before a deployment. Its revision is the one that gets most of the messages. */
export type ServingFunction = z.infer<typeof ServiceSchema>;

/**
 * The number of the project. A missing login or a wrong project fails here, before anything is changed. Undefined: only
 * the infrastructure is deployed, and gcloud is not installed. Throws `DEPLOY_FAILED`.
 */
export async function askProjectNumber(deploying: Deploying): Promise<string | undefined> {
  const { asksForProject, gcloud, steps } = deploying;
  if (!asksForProject) return undefined;
  const answer = (await steps.run(gcloud.projectNumber, { captures: true })).trim();
  if (/^\d+$/.test(answer)) return answer;
  throw commandFailure(gcloud.projectNumber, `the answer "${answer}" is not a project number`);
}

/** The function that serves now; undefined if there is none. Throws `DEPLOY_FAILED`. */
export async function askServingFunction(deploying: Deploying): Promise<ServingFunction | undefined> {
  if (!(await isCloudRunEnabled(deploying))) return undefined;
  const [service] = await readJson(deploying.steps, deploying.gcloud.serving, z.array(ServiceSchema));
  return service;
}

/** The infrastructure enables it, so without that part it is enabled. */
export async function isCloudRunEnabled({ gcloud, parts, steps }: Deploying): Promise<boolean> {
  if (!parts.includes("infrastructure")) return true;
  return (await steps.run(gcloud.enabled, { captures: true })).trim() !== "";
}

/**
 * Refuses to deploy with another variables file than the last time. Without it, everything would be reset to defaults;
 * that of another deployment would point this function at its database. Throws `DEPLOY_VARIABLES_FORGOTTEN`.
 */
export function assertSameVariablesFile(
  { target, parts }: Prepared,
  serving: ServingFunction | undefined,
): void {
  const before = serving?.variables[variablesFileLabel];
  if (!before) return;
  const { hasFile, variablesFile: now } = target;
  const refuse = (found: string, remedy: string) => {
    const message = `The function was deployed with --variables ${before}, and now ${found}`;
    return new BatonError("DEPLOY_VARIABLES_FORGOTTEN", message, {
      remedy: `Give --variables ${before}, ${remedy}`,
    });
  };
  if (!hasFile) throw refuse("there is no --variables", "or --variables /dev/null to deploy without a file.");
  // With the infrastructure, a person sees the plan. A pipeline deploys new versions without a question.
  if (parts.includes("infrastructure") || now === undefined || isSameFile(before, now)) return;
  const renamed = "For a renamed file, deploy without --skip-infra.";
  throw refuse(`it is --variables ${now}`, `or the project, region and prefix of ${now}. ${renamed}`);
}

/** Relative paths start at the project's folder. Of absolute ones, the ends are compared, which machines share. */
function isSameFile(before: string, now: string): boolean {
  const [relative, ...others] = [before, now].map(normalize).filter((path) => !isAbsolute(path));
  if (others.length > 0) return normalize(before) === normalize(now);
  const segments = (path: string) =>
    normalize(path)
      .split(sep)
      .filter((segment) => segment !== "" && segment !== "..");
  const length = relative === undefined ? 2 : segments(relative).length;
  return segments(before).slice(-length).join(sep) === segments(now).slice(-length).join(sep);
}

/** What a deployment changes in the variables of a function that exists. Secrets count as the same. */
export function variableChanges(
  { deployment, target }: Prepared,
  environment: TextVariables,
  { variables: before }: ServingFunction,
): readonly VariableChange[] {
  const secrets = [...functionSecrets(deployment), ...Object.entries(target.ownSecrets)];
  const after: ServingFunction["variables"] = {
    ...environment,
    ...Object.fromEntries(secrets.map(([name]) => [name, null])),
  };
  const shown = (name: string, value: string | null | undefined) => {
    if (value === null) return "a secret";
    const isShown = value !== undefined && name.startsWith("BATON_") && !looksSecret(name, value);
    return isShown ? value : undefined;
  };
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => before[name] !== after[name])
    .sort()
    .map((name) => ({
      name,
      kind: !(name in before) ? "added" : name in after ? "changed" : "removed",
      before: shown(name, before[name]),
      after: shown(name, after[name]),
    }));
}
