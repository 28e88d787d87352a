import { isAbsolute, normalize, sep } from "node:path";
import * as z from "zod";
import { BatonError } from "../core/errors/errors.ts";
import { functionCommands } from "./commands.ts";
import { fileVariable, functionSecrets, type TextVariables } from "./function.ts";
import type { Prepared } from "./prepare.ts";
import { commandFailure, type RunStep, readJson } from "./tools.ts";
import { looksSecret } from "./variables-file.ts";

/** The function as it is before a deployment. */
export interface ServingFunction {
  /** Which gets most of the messages. */
  readonly revision: string | undefined;
  /** Null: it comes from Secret Manager. */
  readonly variables: Readonly<Record<string, string | null>>;
}

const VariableSchema = z.object({
  name: z.string(),
  value: z.string().default(""),
  valueFrom: z.unknown().optional(),
});
const ContainerSchema = z.object({ env: z.array(VariableSchema).default([]) });
const TrafficSchema = z.object({ revisionName: z.string().optional(), percent: z.number().default(0) });
const ServicesSchema = z.array(
  z.object({
    spec: z
      .object({
        template: z.object({ spec: z.object({ containers: z.array(ContainerSchema).default([]) }) }),
      })
      .optional(),
    status: z.object({ traffic: z.array(TrafficSchema).default([]) }).optional(),
  }),
);

/**
 * Asks for the number of the project, and so whether gcloud is logged in and reaches it. Undefined: only the infrastructure is
 * deployed, and there is no gcloud. Throws `DEPLOY_FAILED`.
 */
export async function askProjectNumber(
  { deployment, asksForProject }: Prepared,
  run: RunStep,
): Promise<string | undefined> {
  if (!asksForProject) return undefined;
  const { projectNumber: ask } = functionCommands(deployment);
  const answer = (await run(ask, { captures: true })).trim();
  if (/^\d+$/.test(answer)) return answer;
  throw commandFailure(ask, `"${answer}" is no number of a project`);
}

/** The function that serves now; undefined: there is none yet. Throws `DEPLOY_FAILED`. */
export async function askServingFunction(
  prepared: Prepared,
  run: RunStep,
): Promise<ServingFunction | undefined> {
  if (!(await hasCloudRun(prepared, run))) return undefined;
  const parse = (json: unknown) => ServicesSchema.parse(json);
  const { serving } = functionCommands(prepared.deployment);
  const [service] = await readJson(run, serving, { parse, reason: "its answer can't be read" });
  if (service === undefined) return undefined;
  const [container] = service.spec?.template.spec.containers ?? [];
  const variables = (container?.env ?? []).map(({ name, value, valueFrom }) => [
    name,
    valueFrom === undefined ? value : null,
  ]);
  const [most] = (service.status?.traffic ?? []).toSorted((a, b) => b.percent - a.percent);
  return { revision: most?.revisionName, variables: Object.fromEntries(variables) };
}

/** Whether Cloud Run is switched on: the infrastructure does that. */
export async function hasCloudRun({ deployment, parts }: Prepared, run: RunStep): Promise<boolean> {
  if (!parts.includes("infrastructure")) return true;
  return (await run(functionCommands(deployment).enabled, { captures: true })).trim() !== "";
}

/**
 * Refuses to deploy with another variables file than the last time: to omit it would reset everything to defaults, and that of
 * another deployment would point this function at its database. Throws `DEPLOY_VARIABLES_FORGOTTEN`.
 */
export function assertSameVariablesFile(
  { target, parts }: Prepared,
  serving: ServingFunction | undefined,
): void {
  const before = serving?.variables[fileVariable];
  if (!before) return;
  const { hasFile, variablesFile: now } = target;
  const deployed = `The function was deployed with --variables ${before}, and now`;
  const code = "DEPLOY_VARIABLES_FORGOTTEN";
  if (!hasFile)
    throw new BatonError(code, `${deployed} there is no --variables`, {
      remedy: `Give --variables ${before}, or --variables /dev/null to deploy without a file.`,
    });
  // With the infrastructure, a person sees the plan; pipelines deploy new versions of the function and ask no one.
  if (parts.includes("infrastructure") || now === undefined || isSameFile(before, now)) return;
  throw new BatonError(code, `${deployed} it is --variables ${now}`, {
    remedy: `Give --variables ${before}, or the project, region and prefix that ${now} is for. If the file has another name now, deploy once without --skip-infra.`,
  });
}

/** Paths count from the folder of Baton, unless they are absolute: of these, the ends are compared, which other machines share. */
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

/** A variable that the function has before or after. */
export interface VariableChange {
  readonly name: string;
  readonly kind: "added" | "removed" | "changed";
  /** The values of Baton's own variables; undefined: there is none, or it is not shown. */
  readonly before: string | undefined;
  readonly after: string | undefined;
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
