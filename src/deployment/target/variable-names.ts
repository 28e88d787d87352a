import { EnvironmentSchema } from "../../composition/environment.ts";
import { taskSecretPrefix } from "../../core/named-secrets.ts";
import { nearestName } from "../../core/nearest-name.ts";
import { isSecret } from "./secret-names.ts";
import { DeploymentSettingsSchema } from "./settings.ts";

const known = [
  ...Object.keys(EnvironmentSchema.shape),
  ...Object.keys(DeploymentSettingsSchema.shape),
].filter((name) => name.startsWith("BATON_"));

/**
 * Set by Cloud Run, or refused by it: https://cloud.google.com/run/docs/container-contract#env-vars and
 * https://cloud.google.com/run/docs/configuring/services/overview-environment-variables#reserved_environment_variables_for_functions
 */
const reserved = /^PORT$|^(?:K|CLOUD_RUN|FUNCTION|X_GOOGLE)_/;

/** The function would not start with those of another machine, or not be itself. */
const ofTheInstance = ["PATH", "HOME", "GOOGLE_APPLICATION_CREDENTIALS"];

/** Why a file of variables may not set this one, or undefined. */
export function nameProblem(name: string, value: string): string | undefined {
  if (reserved.test(name)) return `${name} is Cloud Run's own: a function can't set it`;
  if (ofTheInstance.includes(name))
    return `${name} is the instance's own: the function would not work with it`;
  if (name.startsWith(taskSecretPrefix)) return taskSecretProblem(name, value);
  if (isSecret(name) && !isSecretReference(value)) return secretInFile(name);
  if (!name.startsWith("BATON_") || name.startsWith("BATON_SAMPLE_") || known.includes(name))
    return undefined;
  const meant = nearestName(name, known);
  return `Baton has no variable ${name}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

function secretInFile(name: string): string {
  return `${name} is a secret, and this file is for none: set it in the environment of the first \`baton deploy\`, which takes it to Secret Manager`;
}

/** How it has to be written is checked with the other secrets of one's own. */
function taskSecretProblem(name: string, value: string): string | undefined {
  if (/^(?:projects\/|secret:)/.test(value)) return undefined;
  return `${name} is a secret, and this file is for none: put it into Secret Manager, and write ${name}=secret:<name of the secret>`;
}

/** Baton's own are checked by their reader. */
function isSecretReference(value: string): boolean {
  return value.trim().startsWith("projects/");
}
