import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix } from "../core/template/named-secrets.ts";
import type { Secrets } from "../ports/machine.ts";
import type { RawEnvironment, VariableProblem } from "./variables.ts";

/** Variables that may hold the name of a secret in Secret Manager instead of the secret. */
const secretVariables = ["BATON_CALLBACK_SECRET", "BATON_POWERBI_CLIENT_SECRET"] as const;
export type SecretVariable = (typeof secretVariables)[number];

const reference = /^projects\/[\w.:-]+\/secrets\/[\w-]+\/versions\/(?:\d+|latest|[A-Za-z][\w-]*)$/;

/** Whether a text names a version of a secret in full. */
function isSecretReference(text: string): boolean {
  return reference.test(text);
}

/** The variables that hold references. Throws `CONFIGURATION_INVALID` for what is meant to be one and is not. */
export function secretReferences(environment: RawEnvironment): readonly SecretVariable[] {
  const [problem] = referenceProblems(environment);
  if (problem) throw new BatonError("CONFIGURATION_INVALID", problem.message, { where: problem.variable });
  return meantReferences(environment);
}

/** What is meant to be a reference and is none. */
export function referenceProblems(environment: RawEnvironment): VariableProblem[] {
  const message = "A secret is named by projects/<project>/secrets/<secret>/versions/<version or latest>";
  return meantReferences(environment)
    .filter((variable) => !reference.test(environment[variable]?.trim() ?? ""))
    .map((variable) => ({ variable, message }));
}

function meantReferences(environment: RawEnvironment): readonly SecretVariable[] {
  return secretVariables.filter((variable) => environment[variable]?.trim().startsWith("projects/"));
}

/**
 * The environment with the secrets in the place of their names, read once. Without names, nothing is loaded or called. Throws
 * `SECRET_UNAVAILABLE`, `CONFIGURATION_INVALID`.
 */
export async function resolveSecrets(environment: RawEnvironment): Promise<RawEnvironment> {
  const references = secretReferences(environment);
  if (references.length === 0) return environment;
  const values = await Promise.all(references.map((variable) => resolveSecret(environment, variable)));
  return { ...environment, ...Object.fromEntries(references.map((name, index) => [name, values[index]])) };
}

/** Throws `SECRET_UNAVAILABLE`. */
export function resolveSecret(environment: RawEnvironment, variable: SecretVariable): Promise<string> {
  return readReference({
    variable,
    reference: environment[variable]?.trim() ?? "",
    endpoint: environment.BATON_SECRET_MANAGER_ENDPOINT,
  });
}

interface NamedReference {
  readonly variable: string;
  readonly reference: string;
  readonly endpoint: string | undefined;
}

/** What Secret Manager has of a name. Throws `SECRET_UNAVAILABLE`. */
async function readReference({ variable, reference, endpoint }: NamedReference): Promise<string> {
  const { googleRest } = await import("../adapters/remote/google-rest.ts");
  const { accessSecret } = await import("../adapters/secret-manager/secret-manager.ts");
  const rest = googleRest({ service: "https://secretmanager.googleapis.com", endpoint });
  try {
    return await accessSecret(rest, reference);
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    throw new BatonError(error.code, `${variable} can't be read: ${error.message}`, { cause: error });
  }
}

/** For those who need no secret: what holds only the name of one is left out. */
export function withoutReferences(environment: RawEnvironment): RawEnvironment {
  const references: readonly string[] = secretReferences(environment);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !references.includes(name)));
}

/** The secrets that an operator gives to tasks. */
export interface TaskSecretSettings {
  /** By the name that tasks use: the secret itself, or its full name in Secret Manager. */
  readonly configured: ReadonlyMap<string, string>;
  /** A local server in place of Secret Manager. */
  readonly endpoint: string | undefined;
}

/** As a file of variables of a deployment has it. */
const short = /^secret:([\w-]{1,255})(?::(\d+|[A-Za-z][\w-]*))?$/;

export function taskSecretSettings(environment: RawEnvironment): TaskSecretSettings {
  const configured = taskSecretVariables(environment).map(
    ([variable, value]) => [variable.slice(taskSecretPrefix.length), inFull(value, environment)] as const,
  );
  return { configured: new Map(configured), endpoint: environment.BATON_SECRET_MANAGER_ENDPOINT };
}

/** What is wrong with them, without anything of a secret. */
export function taskSecretProblems(environment: RawEnvironment): VariableProblem[] {
  return taskSecretVariables(environment).flatMap(([variable, value]): VariableProblem[] => {
    if (!/^[A-Za-z_]\w*$/.test(variable.slice(taskSecretPrefix.length)))
      return [{ variable, message: "the name of a secret has letters, digits and _" }];
    if (!/^(?:projects\/|secret:)/.test(value.trim()) || isSecretReference(inFull(value, environment)))
      return [];
    const message =
      "A secret is named by projects/<project>/secrets/<secret>/versions/<version or latest>, or by secret:<name> where BATON_PROJECT is set";
    return [{ variable, message }];
  });
}

function taskSecretVariables(environment: RawEnvironment): [string, string][] {
  return Object.entries(environment).flatMap(([name, value]): [string, string][] =>
    name.startsWith(taskSecretPrefix) && value ? [[name, value]] : [],
  );
}

/** `secret:api-token` is a secret of the project. */
function inFull(value: string, { BATON_PROJECT, GOOGLE_CLOUD_PROJECT }: RawEnvironment): string {
  const [, name, version = "latest"] = short.exec(value.trim()) ?? [];
  const project = BATON_PROJECT || GOOGLE_CLOUD_PROJECT;
  if (name !== undefined && project) return `projects/${project}/secrets/${name}/versions/${version}`;
  return isSecretReference(value.trim()) ? value.trim() : value.replace(/\r?\n$/, "");
}

/** Reads those in Secret Manager at their first use, and keeps them for as long as the process lives. */
export function taskSecrets({ configured, endpoint }: TaskSecretSettings): Secrets {
  const read = new Map<string, Promise<string>>();
  const fromSecretManager = (name: string, reference: string) => {
    const known = read.get(name);
    if (known) return known;
    const variable = `${taskSecretPrefix}${name}`;
    const reading = readReference({ variable, reference, endpoint }).catch((error: unknown) => {
      // The next attempt asks again.
      read.delete(name);
      throw error;
    });
    read.set(name, reading);
    return reading;
  };
  return {
    async read(name) {
      const value = configured.get(name);
      if (value === undefined)
        throw new BatonError("SECRET_NOT_CONFIGURED", `${taskSecretPrefix}${name} is not set here`);
      return isSecretReference(value) ? fromSecretManager(name, value) : value.toWellFormed();
    },
  };
}
