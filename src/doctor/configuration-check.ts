import { type Configuration, readConfiguration, variableProblems } from "../configuration/configuration.ts";
import { EnvironmentSchema, powerBiRequirements } from "../configuration/environment.ts";
import { resolveSecret, secretReferences } from "../configuration/secrets.ts";
import { parseVariables, type RawEnvironment, type VariableProblem } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { type CheckResult, checkResult } from "./check.ts";

export interface CheckedConfiguration {
  readonly results: readonly CheckResult[];
  /** Undefined if the variables are too wrong for further checks. */
  readonly configuration: Configuration | undefined;
}

/** Replaces a bucket that no variable names. */
export const placeholderBucket = "no-bucket";

/** Checks all variables, as for a process that accepts messages, and reads the configuration without wrong features. */
export async function checkConfiguration(environment: RawEnvironment): Promise<CheckedConfiguration> {
  const secrets = await readSecrets(environment);
  const variables = { ...environment, ...secrets.values };
  const { problems: malformed } = parseVariables(EnvironmentSchema, variables);
  const missing = variableProblems(variables, { serves: true });
  // A secret that can't be read has its own result.
  const others = missing.filter(({ variable }) => variables[variable] || !(variable in secrets.values));
  const problems = [...malformed, ...others];
  const results = problems.map(({ variable, message }) =>
    checkVariable(variable, message, variables[variable] ? "it is wrong" : "it is missing"),
  );
  const all =
    problems.length === 0 ? [checkVariable("all", "every required variable, in its form")] : results;
  const isReadable = malformed.length === 0 && !missing.some(({ variable }) => variable === "BATON_PROJECT");
  return {
    results: [...all, ...secrets.results],
    configuration: isReadable ? readConfiguration(readable(variables, missing)) : undefined,
  };
}

/** Leaves out features whose variables are wrong, so that everything else is checked. */
function readable(variables: RawEnvironment, problems: readonly VariableProblem[]): RawEnvironment {
  const wrong = problems.map(({ variable }) => variable);
  const powerBi: readonly string[] = powerBiRequirements;
  const left = [
    ...wrong,
    ...(wrong.some((name) => powerBi.includes(name)) ? powerBi : []),
    // Its queues need the other three.
    ...(["BATON_LOCATION", "BATON_AUDIENCE", "BATON_CALLERS"].some((name) => wrong.includes(name))
      ? ["BATON_QUEUES"]
      : []),
  ];
  const known = Object.entries(variables).filter(([name, value]) => value && !left.includes(name));
  return { BATON_BUCKET: placeholderBucket, ...Object.fromEntries(known) };
}

function checkVariable(subject: string, expected: string, found?: string): CheckResult {
  return checkResult("configuration.variables", subject, {
    holds: found === undefined,
    found: found ?? "nothing is missing",
    expected,
    remedy: "Set it for the function and for this command; docs/configuration.md has all variables.",
  });
}

interface Secrets {
  readonly results: readonly CheckResult[];
  /** By variable; undefined for a secret that can't be read. */
  readonly values: RawEnvironment;
}

async function readSecrets(environment: RawEnvironment): Promise<Secrets> {
  try {
    const read = await Promise.all(
      secretReferences(environment).map(async (variable) => {
        const secret = await resolveSecret(environment, variable).catch((error: unknown) => ({ error }));
        const isRead = typeof secret === "string";
        return {
          variable,
          value: isRead ? secret : undefined,
          result: checkSecret(variable, isRead ? undefined : secret.error),
        };
      }),
    );
    return {
      results: read.map(({ result }) => result),
      values: Object.fromEntries(read.map(({ variable, value }) => [variable, value])),
    };
  } catch (error) {
    if (!(error instanceof BatonError)) throw error;
    const variable = error.where ?? "";
    return { results: [checkSecret(variable, error)], values: { [variable]: undefined } };
  }
}

export function checkSecret(
  subject: string,
  error: unknown,
  expected = "the secret that it names",
): CheckResult {
  return checkResult("configuration.secrets", subject, {
    holds: error === undefined,
    found: error === undefined ? "it can be read" : errorMessage(error),
    expected,
    remedy: error instanceof BatonError ? error.remedy : "See the message.",
  });
}
