import { type Configuration, readConfiguration, variableProblems } from "../composition/configuration.ts";
import { EnvironmentSchema } from "../composition/environment.ts";
import { neededForPowerBi, powerBiProblems } from "../composition/power-bi-settings.ts";
import { queueProblems } from "../composition/queue-problems.ts";
import type { RawEnvironment } from "../composition/raw-environment.ts";
import { resolveSecret, type SecretVariable, secretReferences } from "../composition/secrets.ts";
import { tracingProblems } from "../composition/tracing/settings.ts";
import { parseVariables, type VariableProblem } from "../composition/variable-problems.ts";
import { BatonError, messageOf } from "../core/errors.ts";
import { type CheckResult, judge } from "./check.ts";

export interface CheckedConfiguration {
  readonly results: readonly CheckResult[];
  /** Undefined: so much is wrong that nothing else can be looked at. */
  readonly configuration: Configuration | undefined;
}

/** Stands for a bucket that no variable names. */
export const noBucket = "no-bucket";

/** Everything wrong with the variables, for a process that takes messages, and what they say as far as they are right. */
export async function checkConfiguration(environment: RawEnvironment): Promise<CheckedConfiguration> {
  const { results: secrets, variables, unread } = await readSecrets(environment);
  const { problems: wrong } = parseVariables(EnvironmentSchema, variables);
  const missing = variableProblems(variables, { serves: true }).filter(
    ({ variable }) => !unread.includes(variable),
  );
  const isReadable = wrong.length === 0 && !missing.some(({ variable }) => variable === "BATON_PROJECT");
  return {
    results: [...judgeVariables(variables, wrong, missing), ...secrets],
    configuration: isReadable ? readConfiguration(readable(variables)) : undefined,
  };
}

/** What is missing is told; all else is looked at without it. */
function readable(variables: RawEnvironment): RawEnvironment {
  const known = { BATON_BUCKET: noBucket, ...defined(withoutWrongTraces(withoutWrongQueues(variables))) };
  if (powerBiProblems(variables).length === 0) return known;
  const left: readonly string[] = neededForPowerBi;
  return Object.fromEntries(Object.entries(known).filter(([name]) => !left.includes(name)));
}

function withoutWrongQueues(variables: RawEnvironment): RawEnvironment {
  return queueProblems(variables).length === 0 ? variables : { ...variables, BATON_QUEUES: undefined };
}

function withoutWrongTraces(variables: RawEnvironment): RawEnvironment {
  return tracingProblems(variables).length === 0 ? variables : { ...variables, BATON_TRACES: undefined };
}

function defined(variables: RawEnvironment): RawEnvironment {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value));
}

function judgeVariables(
  variables: RawEnvironment,
  wrong: readonly VariableProblem[],
  missing: readonly VariableProblem[],
): CheckResult[] {
  const id = "configuration.variables";
  const remedy = "Set it for the function and for this command; docs/configuration.md has all variables.";
  const expected = "all that is needed, each of its form";
  if (wrong.length + missing.length === 0)
    return [judge(id, { subject: "all", holds: true, found: "nothing is missing", expected, remedy })];
  return [
    ...wrong.map(({ variable, message }) =>
      judge(id, { subject: variable, holds: false, found: "it is wrong", expected: message, remedy }),
    ),
    ...missing.map(({ variable, message }) => {
      const found = variables[variable] ? "it is wrong" : "it is missing";
      return judge(id, { subject: variable, holds: false, found, expected: message, remedy });
    }),
  ];
}

interface Secrets {
  readonly results: readonly CheckResult[];
  readonly variables: RawEnvironment;
  /** Variables that name secrets which can't be had: they are left out, and not missing. */
  readonly unread: readonly string[];
}

async function readSecrets(environment: RawEnvironment): Promise<Secrets> {
  const references = referencesOf(environment);
  if (references instanceof BatonError) {
    const subject = references.where ?? "";
    return {
      results: [judgeSecret(subject, references)],
      variables: { ...environment, [subject]: undefined },
      unread: [subject],
    };
  }
  const read = await Promise.all(references.map((variable) => readSecret(environment, variable)));
  return {
    results: read.map(({ variable, error }) => judgeSecret(variable, error)),
    variables: {
      ...environment,
      ...Object.fromEntries(read.map(({ variable, value }) => [variable, value])),
    },
    unread: read.filter(({ error }) => error !== undefined).map(({ variable }) => variable),
  };
}

function referencesOf(environment: RawEnvironment): readonly SecretVariable[] | BatonError {
  try {
    return secretReferences(environment);
  } catch (error) {
    if (error instanceof BatonError) return error;
    throw error;
  }
}

interface ReadSecret {
  readonly variable: SecretVariable;
  readonly value?: string;
  readonly error?: unknown;
}

async function readSecret(environment: RawEnvironment, variable: SecretVariable): Promise<ReadSecret> {
  try {
    return { variable, value: await resolveSecret(environment, variable) };
  } catch (error) {
    return { variable, error };
  }
}

function judgeSecret(variable: string, error: unknown): CheckResult {
  return judge("configuration.secrets", {
    subject: variable,
    holds: error === undefined,
    found: error === undefined ? "it can be read" : messageOf(error),
    expected: "the secret that it names",
    remedy: error instanceof BatonError ? error.remedy : "See the message.",
  });
}
