import { taskSecretPrefix } from "../../core/named-secrets.ts";
import { likelySecrets } from "../target/own-secrets.ts";
import type { Target } from "../target/target.ts";
import { functionSecrets } from "./function-environment.ts";
import type { Deployment } from "./plan.ts";

type TextVariables = Readonly<Record<string, string>>;

/**
 * How the function's process runs, and with what it was deployed: neither commands nor workflows look at it. Traces are its own as
 * well: whoever runs commands has no right to write them.
 */
const ofFunctionAlone = /^(?:NODE_|OTEL_)|^BATON_DEPLOY_|^BATON_TRACES$/;

/** The function's own variables, and the names of its secrets: only who may read those needs them. */
export function commandEnvironment(
  deployment: Deployment,
  { ownVariables }: Pick<Target, "ownVariables">,
  ofFunction: TextVariables,
): TextVariables {
  const hidden = likelySecrets(ownVariables);
  const shown = Object.entries(ofFunction).filter(
    ([name]) => !hidden.includes(name) && !ofFunctionAlone.test(name),
  );
  const secrets = functionSecrets(deployment).map(([variable, secret]) => [
    variable,
    `projects/${deployment.projectId}/secrets/${secret}/versions/latest`,
  ]);
  return Object.fromEntries([...shown, ...secrets, ...taskSecretReferences(deployment)]);
}

/** Those that tasks name: the doctor looks whether they are there. */
function taskSecretReferences({ ownSecrets, projectId }: Deployment): [string, string][] {
  return Object.entries(ownSecrets)
    .filter(([name]) => name.startsWith(taskSecretPrefix))
    .map(([variable, secret]) => {
      const [name = "", version = "latest"] = secret.split(":");
      const path = name.startsWith("projects/") ? name : `projects/${projectId}/secrets/${name}`;
      return [variable, `${path}/versions/${version}`];
    });
}

/** Lines that a shell and Node (`--env-file`) read alike. */
export function commandEnvironmentText(variables: TextVariables): string {
  const lines = Object.entries(variables).map(([name, value]) => lineOf(name, value));
  return `${["# Written by `baton deploy`. Secrets of Secret Manager are in it by name; a variable that sounds like a secret is left out.", ...lines.sort()].join("\n")}\n`;
}

function lineOf(name: string, value: string): string {
  if (!value.includes("'")) return `${name}='${value}'`;
  if (!/["$`\\]/.test(value)) return `${name}="${value}"`;
  return `# ${name} is left out: no quotes hold it for a shell and for Node alike`;
}
