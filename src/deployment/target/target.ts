import type { Configuration } from "../../composition/configuration.ts";
import type { GoogleConfiguration } from "../../composition/google-configuration.ts";
import {
  parseVariables,
  problemsText,
  type RawEnvironment,
  type VariableProblem,
} from "../../composition/variable-problems.ts";
import { BatonError } from "../../core/errors.ts";
import { placeProblems } from "./contradictions.ts";
import { logLevelProblems } from "./log-level.ts";
import { machineProblems } from "./machine-limits.ts";
import { givenOptions, namingOption, type TargetOptions } from "./options.ts";
import { ownVariablesOf } from "./own-secrets.ts";
import { type DeploymentSettings, DeploymentSettingsSchema } from "./settings.ts";
import { demandOwnShell } from "./shell-deployment.ts";
import { readTargetConfiguration } from "./target-configuration.ts";
import { readVariablesFile } from "./variables-file.ts";
import { ofThisMachine, targetWarnings } from "./warnings.ts";

/** Given to deploy without a file what was deployed with one. */
const noFile = "/dev/null";

/** Where to deploy, and everything that the environment decides about it. */
export interface Target {
  readonly environment: RawEnvironment;
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
export function readTarget(given: RawEnvironment, options: TargetOptions): Target {
  const file =
    options.variables === undefined ? { variables: {}, problems: [] } : readVariablesFile(options.variables);
  const filed = withItsProject(file.variables);
  const named = namedVariables({ ...given, ...filed }, options);
  const environment = withDefaults(named);
  demandOwnShell(given, environment);
  // A name that is made of the prefix is wrong where the prefix is: that is told once.
  const buckets = { BATON_BUCKET: named.BATON_BUCKET, BATON_INBOX_BUCKET: named.BATON_INBOX_BUCKET };
  const { values: settings, problems: ofSettings } = parseVariables(DeploymentSettingsSchema, {
    ...environment,
    ...buckets,
  });
  const { configuration, problems: ofConfiguration } = readTargetConfiguration(
    environment,
    ofSettings.map(({ variable }) => variable),
  );
  const own = ownVariablesOf(
    Object.fromEntries(Object.entries(file.variables).filter(([name]) => !isOfBaton(name))),
    environment.BATON_PROJECT ?? "",
  );
  const problems = [
    ...file.problems,
    ...ofSettings,
    ...(settings ? machineProblems(settings) : []),
    ...missingProblems(environment),
    ...placeProblems(options, filed),
    ...ofConfiguration,
    ...own.problems,
    ...(options.removes ? [] : logLevelProblems(configuration?.logLevel)),
  ];
  if (settings === undefined || configuration === undefined || problems.length > 0) {
    const told = problems.map((problem) => namingOption(problem, options));
    throw new BatonError("CONFIGURATION_INVALID", problemsText(told));
  }
  return {
    environment,
    ownVariables: own.literal,
    ownSecrets: own.secrets,
    hasFile: options.variables !== undefined,
    variablesFile: options.variables === noFile ? undefined : options.variables,
    configuration,
    settings,
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

/** Baton's variables, but for those of its samples and the secrets of tasks. */
function isOfBaton(name: string): boolean {
  return (
    /^BATON_(?!SAMPLE_|TASK_SECRET_)|^OTEL_|^GOOGLE_CLOUD_PROJECT$/.test(name) || ofThisMachine.test(name)
  );
}

/** Where the file says the project by Google's name for it, the shell's word for ours does not count. */
function withItsProject(file: RawEnvironment): RawEnvironment {
  const project = file.BATON_PROJECT || file.GOOGLE_CLOUD_PROJECT;
  return project ? { ...file, BATON_PROJECT: project } : file;
}

/** Those that are not empty and not of this machine. */
function namedVariables(variables: RawEnvironment, options: TargetOptions): RawEnvironment {
  const named = Object.entries(variables).filter(
    ([name, value]) => !ofThisMachine.test(name) && value !== "",
  );
  return {
    ...Object.fromEntries(named),
    ...Object.fromEntries(givenOptions(options).map(({ variable, value }) => [variable, value])),
  };
}

/** What is not named has the name that the infrastructure gives it. */
function withDefaults(environment: RawEnvironment): RawEnvironment {
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

function missingProblems({ BATON_PROJECT, BATON_LOCATION }: RawEnvironment): VariableProblem[] {
  return [
    ...(BATON_PROJECT
      ? []
      : [{ variable: "BATON_PROJECT", message: "Missing: the id of the project (or --project)" }]),
    ...(BATON_LOCATION
      ? []
      : [{ variable: "BATON_LOCATION", message: "Missing: the region, such as europe-west1 (or --region)" }]),
  ];
}
