import { BatonError } from "../core/errors/errors.ts";
import { taskSecretPrefix } from "../core/template/secret-references.ts";
import type { Secrets } from "../ports/machine.ts";
import type { RawEnvironment, VariableProblem } from "./variables.ts";

/** Variables that may hold a reference to a secret in Secret Manager instead of the secret. */
const secretVariables = ["BATON_CALLBACK_SECRET", "BATON_POWERBI_CLIENT_SECRET"] as const;
export type SecretVariable = (typeof secretVariables)[number];

const fullReference = /^projects\/([\w.:-]+)\/secrets\/([\w-]{1,255})\/versions\/(\d+|[A-Za-z][\w-]*)$/;

/** The short form in a variables file, such as `secret:api-token:3`. */
const shortReference = /^secret:([\w-]{1,255})(?::(\d+|[A-Za-z][\w-]*))?$/;

interface ParsedReference {
  /** Undefined in the short form. */
  readonly project?: string | undefined;
  readonly name: string;
  readonly version: string;
}

/** The version of a secret that a text names in either form; undefined if it names none. */
export function parseSecretReference(text: string): ParsedReference | undefined {
  const [, shortName, shortVersion = "latest"] = shortReference.exec(text.trim()) ?? [];
  if (shortName !== undefined) return { name: shortName, version: shortVersion };
  const [, project, name, version] = fullReference.exec(text.trim()) ?? [];
  return name === undefined || version === undefined ? undefined : { project, name, version };
}

/** The full name of a version of a secret. */
export function secretPath(project: string, name: string, version: string): string {
  return `projects/${project}/secrets/${name}/versions/${version}`;
}

/** Whether the text is the full name of a version of a secret. */
function isSecretReference(text: string): boolean {
  return fullReference.test(text);
}

/** The variables that hold references. Throws `CONFIGURATION_INVALID` for a malformed reference. */
export function secretReferences(environment: RawEnvironment): readonly SecretVariable[] {
  const [problem] = referenceProblems(environment);
  if (problem) throw new BatonError("CONFIGURATION_INVALID", problem.message, { where: problem.variable });
  return variablesWithReference(environment);
}

/** The malformed references. */
export function referenceProblems(environment: RawEnvironment): VariableProblem[] {
  const message = "Write projects/<project>/secrets/<secret>/versions/<version or latest>";
  return variablesWithReference(environment)
    .filter((variable) => !isSecretReference(environment[variable]?.trim() ?? ""))
    .map((variable) => ({ variable, message }));
}

/** A value that starts with `projects/` is taken as a reference, also if it is malformed. */
function variablesWithReference(environment: RawEnvironment): readonly SecretVariable[] {
  return secretVariables.filter((variable) => environment[variable]?.trim().startsWith("projects/"));
}

/**
 * Replaces the references by their secrets. Without references, nothing is loaded or called. Throws
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
  return readSecret({
    variable,
    reference: environment[variable]?.trim() ?? "",
    endpoint: environment.BATON_SECRET_MANAGER_ENDPOINT,
  });
}

interface SecretReference {
  readonly variable: string;
  readonly reference: string;
  readonly endpoint: string | undefined;
}

/** Reads a secret from Secret Manager. Throws `SECRET_UNAVAILABLE`. */
async function readSecret({ variable, reference, endpoint }: SecretReference): Promise<string> {
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

/** The environment without the variables that hold references, for a process that needs no secrets. */
export function withoutReferences(environment: RawEnvironment): RawEnvironment {
  const references: readonly string[] = secretReferences(environment);
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !references.includes(name)));
}

/** The secrets that the operator provides for tasks. */
export interface TaskSecretSettings {
  /** The secret itself, or its full name in Secret Manager, by the name that tasks use. */
  readonly configured: ReadonlyMap<string, string>;
  /** A local server instead of Secret Manager. */
  readonly endpoint: string | undefined;
}

export function taskSecretSettings(environment: RawEnvironment): TaskSecretSettings {
  const configured = taskSecretVariables(environment).map(
    ([variable, value]) =>
      [variable.slice(taskSecretPrefix.length), expandReference(value, environment)] as const,
  );
  return { configured: new Map(configured), endpoint: environment.BATON_SECRET_MANAGER_ENDPOINT };
}

/** The invalid variables of task secrets. The messages contain no part of a secret. */
export function taskSecretProblems(environment: RawEnvironment): VariableProblem[] {
  return taskSecretVariables(environment).flatMap(([variable, value]): VariableProblem[] => {
    if (!/^[A-Za-z_]\w*$/.test(variable.slice(taskSecretPrefix.length)))
      return [{ variable, message: "the name of a secret may contain letters, digits and _" }];
    if (
      !/^(?:projects\/|secret:)/.test(value.trim()) ||
      isSecretReference(expandReference(value, environment))
    )
      return [];
    const message =
      "Write projects/<project>/secrets/<secret>/versions/<version or latest>, " +
      "or secret:<name> if BATON_PROJECT is set";
    return [{ variable, message }];
  });
}

function taskSecretVariables(environment: RawEnvironment): [string, string][] {
  return Object.entries(environment).flatMap(([name, value]): [string, string][] =>
    name.startsWith(taskSecretPrefix) && value ? [[name, value]] : [],
  );
}

/** Expands `secret:api-token` to the full name in the project. Returns any other value unchanged. */
function expandReference(value: string, { BATON_PROJECT, GOOGLE_CLOUD_PROJECT }: RawEnvironment): string {
  const reference = parseSecretReference(value);
  const project = reference?.project ?? (BATON_PROJECT || GOOGLE_CLOUD_PROJECT);
  return reference && project
    ? secretPath(project, reference.name, reference.version)
    : value.replace(/\r?\n$/, "");
}

/** Reads a secret of Secret Manager at its first use, and caches it until the process ends. */
export function taskSecrets({ configured, endpoint }: TaskSecretSettings): Secrets {
  const cache = new Map<string, Promise<string>>();
  const fromSecretManager = (name: string, reference: string) => {
    const cached = cache.get(name);
    if (cached) return cached;
    const variable = `${taskSecretPrefix}${name}`;
    const reading = readSecret({ variable, reference, endpoint }).catch((error: unknown) => {
      // The next attempt reads it again.
      cache.delete(name);
      throw error;
    });
    cache.set(name, reading);
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
