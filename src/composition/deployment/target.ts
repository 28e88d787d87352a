import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import * as z from "zod";
import { BatonError, messageOf } from "../../core/errors.ts";
import { type Configuration, readConfiguration } from "../configuration.ts";
import type { GoogleConfiguration } from "../google-configuration.ts";
import { longestDeadlineSeconds } from "./function-settings.ts";
import { isSecret } from "./secret-names.ts";
import { type DeploymentSettings, DeploymentSettingsSchema } from "./settings.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

/** What the command line says; it wins over the file, and that over the environment. */
export interface TargetOptions {
  readonly project?: string;
  readonly region?: string;
  readonly prefix?: string;
  /** Variables of one deployment, written `NAME=value`; those that are not Baton's are set for the function. */
  readonly variables?: string;
}

/** Where to deploy, and everything that the environment decides about it. */
export interface Target {
  readonly environment: Variables;
  /** Of the file: set for the function as they are. */
  readonly ownVariables: Readonly<Record<string, string>>;
  readonly configuration: Configuration & { readonly google: GoogleConfiguration };
  readonly settings: DeploymentSettings;
}

/** Meant for this machine: a function has Google's own services. */
const ofThisMachine =
  /_EMULATOR_HOST$|^BATON_(?:WAREHOUSE|OBJECTS|DATA|INBOX|DURABILITY|PUBSUB_ENDPOINT|SECRET_MANAGER_ENDPOINT)$/;

/** Throws `CONFIGURATION_INVALID`, which names everything that is wrong, and `USAGE`. */
export function readTarget(given: Variables, options: TargetOptions): Target {
  const file = options.variables === undefined ? {} : readVariables(options.variables);
  const environment = withDefaults({
    ...Object.fromEntries(
      Object.entries({ ...given, ...file }).filter(([name]) => !ofThisMachine.test(name)),
    ),
    ...(options.project !== undefined && { BATON_PROJECT: options.project }),
    ...(options.region !== undefined && { BATON_LOCATION: options.region }),
    ...(options.prefix !== undefined && { BATON_PREFIX: options.prefix }),
  });
  const settings = DeploymentSettingsSchema.safeParse(environment);
  const problems = [
    ...(settings.error ? [z.prettifyError(settings.error)] : []),
    ...(environment.BATON_LOCATION
      ? []
      : ["✖ Missing: the region, such as europe-west1 (or --region)\n  → at BATON_LOCATION"]),
  ];
  const configuration = problemsOf(() => configurationOf(environment), problems);
  const google = configuration?.google;
  if (!settings.success || configuration === undefined || google === undefined || problems.length > 0)
    throw new BatonError("CONFIGURATION_INVALID", problems.join("\n"));
  const ownVariables = Object.fromEntries(Object.entries(file).filter(([name]) => !isOfBaton(name)));
  return { environment, ownVariables, configuration: { ...configuration, google }, settings: settings.data };
}

/** Baton's variables, but for those of its samples. */
function isOfBaton(name: string): boolean {
  return /^BATON_(?!SAMPLE_)|^OTEL_|^GOOGLE_CLOUD_PROJECT$/.test(name) || ofThisMachine.test(name);
}

function readVariables(path: string): Record<string, string> {
  try {
    return Object.fromEntries(
      Object.entries(parseEnv(readFileSync(path, "utf8"))).map(([name, value]) => [name, value ?? ""]),
    );
  } catch (cause) {
    throw new BatonError("USAGE", `Can't read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** What is not named has the name that the infrastructure gives it. */
function withDefaults(environment: Variables): Variables {
  const project = environment.BATON_PROJECT || environment.GOOGLE_CLOUD_PROJECT;
  const name = `${project}-${environment.BATON_PREFIX || "baton"}`;
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== "")),
    BATON_ENGINE: "gcp",
    ...(project && { BATON_PROJECT: project }),
    BATON_BUCKET: environment.BATON_BUCKET || name,
    BATON_INBOX_BUCKET: environment.BATON_INBOX_BUCKET || `${name}-inbox`,
  };
}

/** Secrets are in Secret Manager: here it only counts which there are. */
function configurationOf(environment: Variables): Configuration {
  const hasPowerBi = environment.BATON_POWERBI_TENANT_ID || environment.BATON_POWERBI_CLIENT_ID;
  const configuration = readConfiguration({
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !isSecret(name))),
    ...(hasPowerBi && { BATON_POWERBI_CLIENT_SECRET: "in Secret Manager" }),
  });
  checkTimes(configuration);
  return configuration;
}

/** Function timeout < ack deadline ≤ 600 s < lease. */
function checkTimes({ google, leaseSeconds }: Configuration): void {
  const timeoutSeconds = google?.functionTimeoutSeconds ?? 0;
  const wrong = [
    ...(timeoutSeconds < longestDeadlineSeconds
      ? []
      : [`✖ Less than the ${longestDeadlineSeconds} s that a push waits\n  → at BATON_FUNCTION_TIMEOUT`]),
    ...(leaseSeconds > longestDeadlineSeconds
      ? []
      : [`✖ More than the ${longestDeadlineSeconds} s that a push waits, such as 11m\n  → at BATON_LEASE`]),
  ];
  if (wrong.length > 0) throw new BatonError("CONFIGURATION_INVALID", wrong.join("\n"));
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
