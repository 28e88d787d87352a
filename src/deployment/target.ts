import type { LogLevel } from "../adapters/pino/logger.ts";
import { type Configuration, parseConfiguration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { referenceProblems } from "../configuration/secrets.ts";
import {
  parseVariables,
  problemsText,
  type RawEnvironment,
  type VariableProblem,
} from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { type DeploymentSettings, DeploymentSettingsSchema } from "./settings.ts";
import { isSecret, looksSecret, ownVariablesOf, readVariablesFile } from "./variables-file.ts";

/** What the command line says. It and the file win over the environment. */
export interface TargetOptions {
  readonly project?: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly function?: string;
  /** A file with the variables of one deployment; those that are not Baton's are set for the function. */
  readonly variables?: string;
  /** The deployment is to be removed: how the function would run does not matter. */
  readonly removes?: boolean;
}

/** Where to deploy, and everything that the environment decides about it. */
export interface Target {
  readonly environment: RawEnvironment;
  /** Of the file: set for the function as they are. */
  readonly ownVariables: Readonly<Record<string, string>>;
  /** Of the file: secrets of Secret Manager by their variable, as `gcloud run deploy --set-secrets` takes them. */
  readonly ownSecrets: Readonly<Record<string, string>>;
  /** A file of variables was given, even an empty one. */
  readonly hasFile: boolean;
  /** The path of that file as it was given, unless it is `/dev/null`. */
  readonly variablesFile: string | undefined;
  readonly configuration: Configuration & { readonly google: GoogleConfiguration };
  readonly settings: DeploymentSettings;
  /** What works, but is perhaps not meant. */
  readonly warnings: readonly string[];
}

/** Meant for this machine: a function has Google's own services. */
const ofThisMachine =
  /_EMULATOR_HOST$|^BATON_(?:WAREHOUSE|OBJECTS|DATA|INBOX|DURABILITY|PUBSUB_ENDPOINT|SECRET_MANAGER_ENDPOINT)$/;

/** Baton's variables, but for those of its samples and the secrets of tasks. */
const ofBaton = /^BATON_(?!SAMPLE_|TASK_SECRET_)|^OTEL_|^GOOGLE_CLOUD_PROJECT$/;

/** Throws `CONFIGURATION_INVALID`, which names everything that is wrong, and `USAGE`. */
export function readTarget(given: RawEnvironment, options: TargetOptions): Target {
  const file =
    options.variables === undefined ? { variables: {}, problems: [] } : readVariablesFile(options.variables);
  const filed: RawEnvironment = file.variables;
  const place = placeOptions(options, filed);
  const named = namedVariables({ ...given, ...filed }, filed, place);
  const environment = withDefaults(named);
  assertOwnShell(given, environment);
  const { BATON_BUCKET, BATON_INBOX_BUCKET } = named;
  // The default name of a bucket is wrong where the prefix is: that is reported once.
  const toParse = { ...environment, BATON_BUCKET, BATON_INBOX_BUCKET };
  const { values: settings, problems: ofSettings } = parseVariables(DeploymentSettingsSchema, toParse);
  const reported = ofSettings.map(({ variable }) => variable);
  const { configuration, problems: ofConfiguration } = parseConfiguration(ofFunction(environment, reported));
  const own = ownVariablesOf(
    Object.fromEntries(
      Object.entries(file.variables).filter(([name]) => !ofBaton.test(name) && !ofThisMachine.test(name)),
    ),
    environment.BATON_PROJECT ?? "",
  );
  const problems = [
    ...file.problems,
    ...ofSettings,
    ...(settings ? instanceProblems(settings) : []),
    ...missingProblems(environment),
    ...place.flatMap(({ problem }) => problem ?? []),
    ...referenceProblems(environment),
    ...ofConfiguration,
    ...(configuration ? configurationProblems(configuration) : []),
    ...own.problems,
    ...(options.removes ? [] : logLevelProblems(configuration?.logLevel)),
  ];
  const google = configuration?.google;
  if (!settings || !google || problems.length > 0) {
    const optionOf = (variable: string) =>
      place.find((each) => each.variable === variable && each.value)?.option;
    const withOptions = problems.map(({ variable, message }) => {
      const option = optionOf(variable);
      return { variable: option === undefined ? variable : `${option} (${variable})`, message };
    });
    throw new BatonError("CONFIGURATION_INVALID", problemsText(withOptions));
  }
  return {
    environment,
    ownVariables: own.literal,
    ownSecrets: own.secrets,
    hasFile: options.variables !== undefined,
    variablesFile: options.variables === "/dev/null" ? undefined : options.variables,
    configuration: { ...configuration, google },
    settings,
    warnings: options.removes ? [] : targetWarnings(given, filed, own.literal, configuration.logLevel),
  };
}

/**
 * The options that take the place of variables. A file is for one deployment: with its database and dataset, another would
 * work on its data.
 */
function placeOptions(options: TargetOptions, filed: RawEnvironment) {
  const project = filed.BATON_PROJECT || filed.GOOGLE_CLOUD_PROJECT;
  const places = [
    ["project", "BATON_PROJECT", project],
    ["region", "BATON_LOCATION", filed.BATON_LOCATION],
    ["prefix", "BATON_PREFIX", filed.BATON_PREFIX],
    ["function", "BATON_DEPLOY_FUNCTION", undefined],
  ] as const;
  return places.map(([name, variable, inFile]) => {
    const value = options[name];
    const message = `It is ${value}, and the file of --variables is for ${inFile}: leave the option out, or give the file of the deployment that is meant`;
    const contradicts = value !== undefined && inFile && value !== inFile;
    return { option: `--${name}`, variable, value, problem: contradicts ? { variable, message } : undefined };
  });
}

/** Those that are not empty and not of this machine. */
function namedVariables(
  variables: RawEnvironment,
  filed: RawEnvironment,
  place: ReturnType<typeof placeOptions>,
): RawEnvironment {
  const named = Object.entries(variables).filter(
    ([name, value]) => !ofThisMachine.test(name) && value !== "",
  );
  const given = place.filter(({ value }) => value !== undefined);
  return {
    ...Object.fromEntries(named),
    // A file may name the project by Google's name for it: the shell's BATON_PROJECT does not count then.
    ...(!filed.BATON_PROJECT && filed.GOOGLE_CLOUD_PROJECT && { BATON_PROJECT: filed.GOOGLE_CLOUD_PROJECT }),
    ...Object.fromEntries(given.map(({ variable, value }) => [variable, value])),
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

const account = /^([a-z][a-z0-9-]*)-(?:function|push)@([a-z0-9-]+)\.iam\.gserviceaccount\.com$/;

/**
 * Refuses to deploy with the variables of another deployment, which `set -a; . infra/baton.….env` has put into the shell: its
 * bucket, database and queues would be taken over. Throws `CONFIGURATION_INVALID`.
 */
function assertOwnShell(given: RawEnvironment, target: RawEnvironment): void {
  const { BATON_SERVICE_ACCOUNT, BATON_CALLERS, BATON_AUDIENCE } = given;
  if (!BATON_SERVICE_ACCOUNT && !BATON_CALLERS && !BATON_AUDIENCE) return;
  const match = account.exec(BATON_SERVICE_ACCOUNT ?? "") ?? account.exec(BATON_CALLERS ?? "");
  const [, ofPrefix, ofProject] = match ?? [];
  const prefix = match ? ofPrefix : given.BATON_PREFIX || "baton";
  const project = match ? ofProject : given.BATON_PROJECT || given.GOOGLE_CLOUD_PROJECT;
  const meant = target.BATON_PREFIX ?? "baton";
  if (project === target.BATON_PROJECT && prefix === meant) return;
  throw new BatonError(
    "CONFIGURATION_INVALID",
    `The variables of the deployment ${prefix} of the project ${project} are in this shell, and ${meant} of ${target.BATON_PROJECT} is to be deployed`,
    {
      remedy:
        "Deploy from another shell, in which no infra/baton.….env was read: else this deployment gets the bucket, the database and the queues of that one.",
    },
  );
}

/** What the function will run with. `reported`: variables that are known to be wrong. */
function ofFunction(environment: RawEnvironment, reported: readonly string[]): RawEnvironment {
  const hasPowerBi = environment.BATON_POWERBI_TENANT_ID || environment.BATON_POWERBI_CLIENT_ID;
  const checked = Object.entries(environment).filter(([name]) => !isSecret(name) && !reported.includes(name));
  return {
    // A missing project is reported already.
    BATON_PROJECT: "unnamed",
    ...Object.fromEntries(checked),
    // The deployment decides where the function is and who may call it.
    BATON_AUDIENCE: "https://function.example",
    BATON_CALLERS: "push",
    // Secrets are in Secret Manager: here it only counts which there are.
    ...(hasPowerBi && { BATON_POWERBI_CLIENT_SECRET: "in Secret Manager" }),
  };
}

function missingProblems({ BATON_PROJECT, BATON_LOCATION }: RawEnvironment): VariableProblem[] {
  const missing = [
    ["BATON_PROJECT", BATON_PROJECT, "Missing: the id of the project (or --project)"],
    ["BATON_LOCATION", BATON_LOCATION, "Missing: the region, such as europe-west1 (or --region)"],
  ] as const;
  return missing.flatMap(([variable, value, message]) => (value ? [] : [{ variable, message }]));
}

function instanceProblems({
  BATON_DEPLOY_MIN_INSTANCES: least,
  BATON_DEPLOY_MAX_INSTANCES: most,
}: DeploymentSettings): VariableProblem[] {
  const message = `${least} instances can't be kept where there are at most ${most} (BATON_DEPLOY_MAX_INSTANCES)`;
  return least <= most ? [] : [{ variable: "BATON_DEPLOY_MIN_INSTANCES", message }];
}

/** Function timeout < ack deadline ≤ 600 s < lease; and each stored result would be announced as a file. */
function configurationProblems({ leaseSeconds, google }: Configuration): VariableProblem[] {
  const lease = (message: string) => [{ variable: "BATON_LEASE", message }];
  return [
    ...(leaseSeconds <= limits.deliveryDeadlineSeconds
      ? lease(`More than the ${limits.deliveryDeadlineSeconds} s that a push waits, such as 11m`)
      : leaseSeconds > limits.leaseSeconds
        ? lease(
            `At most ${limits.leaseSeconds / 60}m: so long the task of a worker that died waits for another`,
          )
        : []),
    ...(google && google.inboxBucket === google.bucket
      ? [{ variable: "BATON_INBOX_BUCKET", message: "The inbox can't be Baton's own bucket (BATON_BUCKET)" }]
      : []),
  ];
}

/** Alerts count lines of the levels warn and error: infra/metrics.tf; a test reads the levels of all lines. */
export function logLevelProblems(level: LogLevel | undefined): VariableProblem[] {
  if (level !== "error" && level !== "silent") return [];
  const message = `Alerts count lines of the levels warn and error: with ${level}, nobody would be told. Write info or warn, or unset it`;
  return [{ variable: "BATON_LOG_LEVEL", message }];
}

export function logLevelWarnings(level: LogLevel | undefined): string[] {
  if (level !== "warn") return [];
  return [
    `BATON_LOG_LEVEL=${level} hides the lines of the level info: the dashboard shows no batch that starts or ends`,
  ];
}

function targetWarnings(
  given: RawEnvironment,
  file: RawEnvironment,
  literal: Readonly<Record<string, string>>,
  level: LogLevel | undefined,
): string[] {
  const here = Object.keys(given)
    .filter((name) => name.startsWith("BATON_SAMPLE_") && given[name] !== "" && !(name in file))
    .sort();
  const secrets = Object.entries(literal).filter(([name, value]) => looksSecret(name, value));
  return [
    ...here.map(
      (name) =>
        `${name} of this environment decides what the workflows are here, and the function does not get it: put it into the file of --variables, or unset it`,
    ),
    ...Object.keys(file)
      .filter((name) => ofThisMachine.test(name))
      .map((name) => `${name} of the file is meant for a machine of yours: the function does not get it`),
    ...secrets.map(
      ([name]) =>
        `${name} looks like a secret, and everybody who may see the function can read it: put it into Secret Manager, and write ${name}=secret:<name of the secret>`,
    ),
    ...logLevelWarnings(level),
  ];
}
