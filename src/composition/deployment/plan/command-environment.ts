import { likelySecrets } from "../target/own-secrets.ts";
import type { Target } from "../target/target.ts";
import { functionSecrets } from "./function-environment.ts";
import type { Deployment } from "./plan.ts";

type Variables = Readonly<Record<string, string>>;

/** Where the variables are written with which commands look at a deployment, from the project's folder. Several deployments live side by side. */
export function commandEnvironmentFile({
  projectId,
  prefix,
}: Pick<Deployment, "projectId" | "prefix">): string {
  return `infra/baton.${projectId}-${prefix}.env`;
}

/** The function's own variables, and the names of its secrets: only who may read those needs them. */
export function commandEnvironment(
  deployment: Deployment,
  { ownVariables }: Pick<Target, "ownVariables">,
  ofFunction: Variables,
): Variables {
  const hidden = likelySecrets(ownVariables);
  const shown = Object.entries(ofFunction).filter(([name]) => !hidden.includes(name));
  const secrets = functionSecrets(deployment).map(([variable, secret]) => [
    variable,
    `projects/${deployment.projectId}/secrets/${secret}/versions/latest`,
  ]);
  return Object.fromEntries([...shown, ...secrets]);
}

/** Lines that a shell and Node (`--env-file`) read alike. */
export function commandEnvironmentText(variables: Variables): string {
  const lines = Object.entries(variables).map(([name, value]) => lineOf(name, value));
  return `${["# Written by `baton deploy`. It holds no secrets, only their names.", ...lines.sort()].join("\n")}\n`;
}

function lineOf(name: string, value: string): string {
  if (!value.includes("'")) return `${name}='${value}'`;
  if (!/["$`\\]/.test(value)) return `${name}="${value}"`;
  return `# ${name} is left out: no quotes hold it for a shell and for Node alike`;
}
