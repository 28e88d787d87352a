import { BatonError } from "../core/errors.ts";
import type { RawEnvironment, VariableProblem } from "./variable-problems.ts";

/** Variables that may hold the name of a secret in Secret Manager instead of the secret. */
const secretVariables = ["BATON_CALLBACK_SECRET", "BATON_POWERBI_CLIENT_SECRET"] as const;
export type SecretVariable = (typeof secretVariables)[number];

const reference = /^projects\/[\w.:-]+\/secrets\/[\w-]+\/versions\/(?:\d+|latest|[A-Za-z][\w-]*)$/;

/** Whether a text names a version of a secret in full. */
export function isSecretReference(text: string): boolean {
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
export async function readReference({ variable, reference, endpoint }: NamedReference): Promise<string> {
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
