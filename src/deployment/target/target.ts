import * as z from "zod";
import type { Configuration } from "../../composition/configuration.ts";
import type { GoogleConfiguration } from "../../composition/google-configuration.ts";
import { variableSentence } from "../../composition/variable-sentences.ts";
import { BatonError } from "../../core/errors.ts";
import type { Variables } from "./given-variables.ts";
import { logLevelProblems } from "./log-level.ts";
import { machineProblems } from "./machine-limits.ts";
import { ownVariablesOf } from "./own-secrets.ts";
import { type DeploymentSettings, DeploymentSettingsSchema } from "./settings.ts";
import { demandOwnShell } from "./shell-deployment.ts";
import { readTargetConfiguration } from "./target-configuration.ts";
import { readVariablesFile } from "./variables-file.ts";
import { ofThisMachine, targetWarnings } from "./warnings.ts";

/** What the command line says; it wins over the file, and that over the environment. */
export interface TargetOptions {
  readonly project?: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly function?: string;
  /** Variables of one deployment, written `NAME=value`; those that are not Baton's are set for the function. */
  readonly variables?: string;
  /** It is to be taken away: then it does not matter how the function would run. */
  readonly removes?: boolean;
}

/** Given to deploy without a file what was deployed with one. */
const noFile = "/dev/null";

/** Where to deploy, and everything that the environment decides about it. */
export interface Target {
  readonly environment: Variables;
  /** Of the file: set for the function as they are. */
  readonly ownVariables: Readonly<Record<string, string>>;
  /** Of the file: secrets of Secret Manager by their variable, as `gcloud run deploy --set-secrets` takes them. */
  readonly ownSecrets: Readonly<Record<string, string>>;
  /** Variables were given by a file, even if by an empty one. */
  readonly hasFile: boolean;
  /** The path of that file as it was given; undefined where it is no file that the next deployment could be given. */
  readonly variablesFile: string | undefined;
  readonly configuration: Configuration & { readonly google: GoogleConfiguration };
  readonly settings: DeploymentSettings;
  /** What works, but is perhaps not what was meant. */
  readonly warnings: readonly string[];
}

/** Throws `CONFIGURATION_INVALID`, which names everything that is wrong, and `USAGE`. */
export function readTarget(given: Variables, options: TargetOptions): Target {
  const file =
    options.variables === undefined ? { variables: {}, problems: [] } : readVariablesFile(options.variables);
  const named = namedVariables({ ...given, ...file.variables }, options);
  const environment = withDefaults(named);
  demandOwnShell(given, environment);
  // A name that is made of the prefix is wrong where the prefix is: that is told once.
  const buckets = { BATON_BUCKET: named.BATON_BUCKET, BATON_INBOX_BUCKET: named.BATON_INBOX_BUCKET };
  const settings = DeploymentSettingsSchema.safeParse(
    { ...environment, ...buckets },
    { error: variableSentence },
  );
  const { configuration, problems: ofConfiguration } = readTargetConfiguration(
    environment,
    settings.error?.issues.map(({ path: [name] }) => String(name)) ?? [],
  );
  const own = ownVariablesOf(
    Object.fromEntries(Object.entries(file.variables).filter(([name]) => !isOfBaton(name))),
    environment.BATON_PROJECT ?? "",
  );
  const problems = [
    ...file.problems,
    ...(settings.error ? [z.prettifyError(settings.error)] : machineProblems(settings.data)),
    ...missingProblems(environment),
    ...ofConfiguration,
    ...own.problems,
    ...(options.removes ? [] : logLevelProblems(configuration?.logLevel)),
  ];
  if (!settings.success || configuration === undefined || problems.length > 0)
    throw new BatonError("CONFIGURATION_INVALID", namingOptions(problems.join("\n"), options));
  return {
    environment,
    ownVariables: own.literal,
    ownSecrets: own.secrets,
    hasFile: options.variables !== undefined,
    variablesFile: options.variables === noFile ? undefined : options.variables,
    configuration,
    settings: settings.data,
    warnings: options.removes
      ? []
      : targetWarnings({
          given,
          file: file.variables,
          literal: own.literal,
          logLevel: configuration.logLevel,
        }),
  };
}

/** Baton's variables, but for those of its samples. */
function isOfBaton(name: string): boolean {
  return /^BATON_(?!SAMPLE_)|^OTEL_|^GOOGLE_CLOUD_PROJECT$/.test(name) || ofThisMachine.test(name);
}

/** Those that are not empty and not of this machine. */
function namedVariables(variables: Variables, options: TargetOptions): Variables {
  const named = Object.entries(variables).filter(
    ([name, value]) => !ofThisMachine.test(name) && value !== "",
  );
  return {
    ...Object.fromEntries(named),
    ...(options.project !== undefined && { BATON_PROJECT: options.project }),
    ...(options.region !== undefined && { BATON_LOCATION: options.region }),
    ...(options.prefix !== undefined && { BATON_PREFIX: options.prefix }),
    ...(options.function !== undefined && { BATON_DEPLOY_FUNCTION: options.function }),
  };
}

/** What is not named has the name that the infrastructure gives it. */
function withDefaults(environment: Variables): Variables {
  const project = environment.BATON_PROJECT || environment.GOOGLE_CLOUD_PROJECT;
  const name = `${project}-${environment.BATON_PREFIX || "baton"}`;
  return {
    ...environment,
    BATON_ENGINE: "gcp",
    ...(project && { BATON_PROJECT: project }),
    BATON_BUCKET: environment.BATON_BUCKET || name,
    BATON_INBOX_BUCKET: environment.BATON_INBOX_BUCKET || `${name}-inbox`,
  };
}

function missingProblems({ BATON_PROJECT, BATON_LOCATION }: Variables): string[] {
  return [
    ...(BATON_PROJECT ? [] : ["✖ Missing: the id of the project (or --project)\n  → at BATON_PROJECT"]),
    ...(BATON_LOCATION
      ? []
      : ["✖ Missing: the region, such as europe-west1 (or --region)\n  → at BATON_LOCATION"]),
  ];
}

/** Whoever gave an option looks for it in the message. */
function namingOptions(text: string, { project, region, prefix, function: name }: TargetOptions): string {
  const given = Object.entries({
    BATON_PROJECT: project !== undefined && "--project",
    BATON_LOCATION: region !== undefined && "--region",
    BATON_PREFIX: prefix !== undefined && "--prefix",
    BATON_DEPLOY_FUNCTION: name !== undefined && "--function",
  });
  return given.reduce(
    (told, [name, option]) => (option ? told.replaceAll(`→ at ${name}`, `→ at ${option} (${name})`) : told),
    text,
  );
}
