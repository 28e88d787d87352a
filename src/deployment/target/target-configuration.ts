import { type Configuration, readConfiguration } from "../../composition/configuration.ts";
import type { GoogleConfiguration } from "../../composition/google-configuration.ts";
import { secretReferences } from "../../composition/secrets.ts";
import { BatonError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Variables } from "./given-variables.ts";
import { isSecret } from "./secret-names.ts";

export interface TargetConfiguration {
  /** Undefined when something is wrong with it. */
  readonly configuration: (Configuration & { readonly google: GoogleConfiguration }) | undefined;
  readonly problems: readonly string[];
}

/** What the function will run with. `told`: variables of which it is told already that they are wrong. */
export function readTargetConfiguration(
  environment: Variables,
  told: readonly string[],
): TargetConfiguration {
  const problems: string[] = [];
  problemsOf(() => secretReferences(environment), problems);
  const configuration = problemsOf(() => configurationOf(environment, told), problems);
  if (configuration !== undefined)
    problems.push(...timeProblems(configuration), ...bucketProblems(configuration));
  const google = configuration?.google;
  return { configuration: google && { ...configuration, google }, problems };
}

/** Secrets are in Secret Manager: here it only counts which there are. */
function configurationOf(environment: Variables, told: readonly string[]): Configuration {
  const hasPowerBi = environment.BATON_POWERBI_TENANT_ID || environment.BATON_POWERBI_CLIENT_ID;
  const checked = Object.entries(environment).filter(([name]) => !isSecret(name) && !told.includes(name));
  return readConfiguration({
    // That there is none has been told as well.
    BATON_PROJECT: "unnamed",
    ...Object.fromEntries(checked),
    // Where the function is and who may call it is decided by the deployment.
    BATON_AUDIENCE: "https://function.example",
    BATON_CALLERS: "push",
    ...(hasPowerBi && { BATON_POWERBI_CLIENT_SECRET: "in Secret Manager" }),
  });
}

/** As infra/variables-function.tf demands. */
const mostLeaseSeconds = 3_600;

/** Function timeout < ack deadline ≤ 600 s < lease. */
function timeProblems({ google, leaseSeconds }: Configuration): string[] {
  const timeoutSeconds = google?.functionTimeoutSeconds ?? 0;
  return [
    ...(timeoutSeconds < limits.deliveryDeadlineSeconds
      ? []
      : [
          `✖ Less than the ${limits.deliveryDeadlineSeconds} s that a push waits\n  → at BATON_FUNCTION_TIMEOUT`,
        ]),
    ...(leaseSeconds > limits.deliveryDeadlineSeconds
      ? []
      : [
          `✖ More than the ${limits.deliveryDeadlineSeconds} s that a push waits, such as 11m\n  → at BATON_LEASE`,
        ]),
    ...(leaseSeconds <= mostLeaseSeconds
      ? []
      : [
          `✖ At most ${mostLeaseSeconds / 60}m: so long the task of a worker that died waits for another\n  → at BATON_LEASE`,
        ]),
  ];
}

/** Each result that is stored would be announced as a file. */
function bucketProblems({ google }: Configuration): string[] {
  if (google === undefined || google.inboxBucket !== google.bucket) return [];
  return ["✖ The inbox can't be Baton's own bucket (BATON_BUCKET)\n  → at BATON_INBOX_BUCKET"];
}

/** Adds what is wrong to the problems, so that all are told together. */
function problemsOf<T>(read: () => T, problems: string[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BatonError) || error.code !== "CONFIGURATION_INVALID") throw error;
    problems.push(error.message);
    return undefined;
  }
}
