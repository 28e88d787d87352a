import { isAbsolute, normalize, sep } from "node:path";
import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import { functionSecrets, variablesFileLabel } from "./function.ts";
import type { Deploying, Prepared } from "./prepare.ts";
import { commandFailure, readJson, type VariableChange } from "./run-steps.ts";
import { looksSecret, type TextVariables } from "./variables-file.ts";

/** The function as it is before a deployment. */
export interface ServingFunction {
  /** The one that gets most of the messages. */
  readonly revision: string | undefined;
  /** Null for a variable from Secret Manager. */
  readonly variables: Readonly<Record<string, string | null>>;
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
  .transform(({ spec, status }): ServingFunction => {
    const [container] = spec?.template.spec.containers ?? [];
    const [most] = status.traffic.toSorted((a, b) => b.percent - a.percent);
    return { revision: most?.revisionName, variables: Object.fromEntries(container?.env ?? []) };
  });

/**
 * The number of the project. A missing login or a wrong project fails here, before anything is changed. Undefined: only
 * the infrastructure is deployed, and gcloud is not installed. Throws `DEPLOY_FAILED`.
 */
export async function askProjectNumber(deploying: Deploying): Promise<string | undefined> {
  const { asksForProject, gcloud, steps } = deploying;
  if (!asksForProject) return undefined;
  const answer = (await steps.run(gcloud.projectNumber, { captures: true })).trim();
  if (/^\d+$/.test(answer)) return answer;
  throw commandFailure(gcloud.projectNumber, `"${answer}" is no number of a project`);
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
  const deployed = `The function was deployed with --variables ${before}, and now`;
  const code = "DEPLOY_VARIABLES_FORGOTTEN";
  if (!hasFile)
    throw new BatonError(code, `${deployed} there is no --variables`, {
      remedy: `Give --variables ${before}, or --variables /dev/null to deploy without a file.`,
    });
  // With the infrastructure, a person sees the plan. A pipeline deploys new versions without a question.
  if (parts.includes("infrastructure") || now === undefined || isSameFile(before, now)) return;
  throw new BatonError(code, `${deployed} it is --variables ${now}`, {
    remedy: `Give --variables ${before}, or the project, region and prefix of ${now}. For a renamed file, deploy without --skip-infra.`,
  });
}

/** Relative paths start at the project's folder. Of absolute ones, the ends are compared, which machines share. */
function isSameFile(before: string, now: string): boolean {
  const segments = [before, now].map((path) =>
    normalize(path)
      .split(sep)
      .filter((segment) => segment !== "" && segment !== ".."),
  );
  const isRelative = [before, now].filter((path) => !isAbsolute(path));
  if (isRelative.length === 2) return normalize(before) === normalize(now);
  const relative = segments.filter((_, index) => !isAbsolute(index === 0 ? before : now));
  const length = relative[0]?.length ?? 2;
  const [one, other] = segments.map((path) => path.slice(-length).join(sep));
  return one === other;
}

/** What a deployment changes in the variables of a function that exists. Secrets count as the same. */
export function variableChanges(
  { deployment, target }: Prepared,
  environment: TextVariables,
  { variables: before }: ServingFunction,
): readonly VariableChange[] {
  const secrets = [...functionSecrets(deployment).map(([name]) => name), ...Object.keys(target.ownSecrets)];
  const after: ServingFunction["variables"] = {
    ...environment,
    ...Object.fromEntries(secrets.map((name) => [name, null])),
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
