import { BatonError } from "../core/errors.ts";
import { taskSecretPrefix } from "../core/named-secrets.ts";
import type { Secrets } from "../ports/secrets.ts";
import { isSecretReference, readReference } from "./secrets.ts";
import type { RawEnvironment, VariableProblem } from "./variable-problems.ts";

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
