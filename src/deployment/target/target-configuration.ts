import { type Configuration, parseConfiguration } from "../../composition/configuration.ts";
import type { GoogleConfiguration } from "../../composition/google-configuration.ts";
import { referenceProblems } from "../../composition/secrets.ts";
import type { RawEnvironment, VariableProblem } from "../../composition/variable-problems.ts";
import { limits } from "../../core/limits.ts";
import { isSecret } from "./secret-names.ts";

export interface TargetConfiguration {
  /** Undefined when something is wrong with it. */
  readonly configuration: (Configuration & { readonly google: GoogleConfiguration }) | undefined;
  readonly problems: readonly VariableProblem[];
}

/** What the function will run with. `told`: variables of which it is told already that they are wrong. */
export function readTargetConfiguration(
  environment: RawEnvironment,
  told: readonly string[],
): TargetConfiguration {
  const { configuration, problems } = parseConfiguration(ofFunction(environment, told));
  const google = configuration?.google;
  return {
    configuration: google && { ...configuration, google },
    problems: [
      ...referenceProblems(environment),
      ...problems,
      ...(configuration ? [...leaseProblems(configuration), ...bucketProblems(configuration)] : []),
    ],
  };
}

/** Secrets are in Secret Manager: here it only counts which there are. */
function ofFunction(environment: RawEnvironment, told: readonly string[]): RawEnvironment {
  const hasPowerBi = environment.BATON_POWERBI_TENANT_ID || environment.BATON_POWERBI_CLIENT_ID;
  const checked = Object.entries(environment).filter(([name]) => !isSecret(name) && !told.includes(name));
  return {
    // That there is none has been told as well.
    BATON_PROJECT: "unnamed",
    ...Object.fromEntries(checked),
    // Where the function is and who may call it is decided by the deployment.
    BATON_AUDIENCE: "https://function.example",
    BATON_CALLERS: "push",
    ...(hasPowerBi && { BATON_POWERBI_CLIENT_SECRET: "in Secret Manager" }),
  };
}

/** Function timeout < ack deadline ≤ 600 s < lease; the first is a rule of the variable itself. */
function leaseProblems({ leaseSeconds }: Configuration): VariableProblem[] {
  const variable = "BATON_LEASE";
  if (leaseSeconds <= limits.deliveryDeadlineSeconds)
    return [
      {
        variable,
        message: `More than the ${limits.deliveryDeadlineSeconds} s that a push waits, such as 11m`,
      },
    ];
  if (leaseSeconds > limits.leaseSeconds)
    return [
      {
        variable,
        message: `At most ${limits.leaseSeconds / 60}m: so long the task of a worker that died waits for another`,
      },
    ];
  return [];
}

/** Each result that is stored would be announced as a file. */
function bucketProblems({ google }: Configuration): VariableProblem[] {
  if (google === undefined || google.inboxBucket !== google.bucket) return [];
  const message = "The inbox can't be Baton's own bucket (BATON_BUCKET)";
  return [{ variable: "BATON_INBOX_BUCKET", message }];
}
