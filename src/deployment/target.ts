import type { LogLevel } from "../adapters/pino/logger.ts";
import { type Configuration, parseConfiguration } from "../configuration/configuration.ts";
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
import {
  isSecret,
  looksSecret,
  parseOwnVariables,
  readVariablesFile,
  storeItText,
  type TextVariables,
} from "./variables-file.ts";

/** Options of the command line. They and the file take precedence over the environment. */
export interface TargetOptions {
  readonly project?: string;
  readonly region?: string;
  readonly prefix?: string;
  readonly function?: string;
  readonly console?: true;
  /** A file with the variables of one deployment; the function gets those that are not Baton's. */
  readonly variables?: string;
  /** For a removal, it does not matter how the function would run. */
  readonly removes?: boolean;
}

/** Where to deploy, and everything that the environment decides about it. */
export type Target = Readonly<ReturnType<typeof readTarget>>;

/** Variables of this machine: a function uses Google's own services. */
const localOnly =
  /_EMULATOR_HOST$|^BATON_(?:WAREHOUSE|OBJECTS|DATA|INBOX|DURABILITY|PUBSUB_ENDPOINT|SECRET_MANAGER_ENDPOINT)$/;

/** Baton's variables, without the secrets of tasks. */
const batonVariable = /^BATON_(?!TASK_SECRET_)|^OTEL_|^GOOGLE_CLOUD_PROJECT$/;

/** Throws `CONFIGURATION_INVALID` with every problem, and `USAGE`. */
export function readTarget(shell: RawEnvironment, options: TargetOptions) {
  const { variables: path, removes } = options;
  const file = path === undefined ? { variables: {}, problems: [] } : readVariablesFile(path);
  const overrides = optionVariables(options, file.variables);
  const named = namedVariables(shell, file.variables, overrides);
  const environment = withDefaults(named);
  assertOwnShell(shell, environment);
  const { BATON_BUCKET, BATON_INBOX_BUCKET, BATON_PROJECT = "" } = named;
  // If the prefix is wrong, so is the default name of a bucket: that is reported once.
  const toParse = { ...environment, BATON_BUCKET, BATON_INBOX_BUCKET };
  const { values: settings, problems: settingProblems } = parseVariables(DeploymentSettingsSchema, toParse);
  const reported = settingProblems.map(({ variable }) => variable);
  const ofFunction = parseConfiguration(functionVariables(environment, reported));
  const { configuration } = ofFunction;
  const isOwn = ([name]: [string, string]) => !batonVariable.test(name) && !localOnly.test(name);
  const own = parseOwnVariables(Object.entries(file.variables).filter(isOwn), BATON_PROJECT);
  const logLevel = logLevelRules(removes ? undefined : configuration?.logLevel);
  const problems = [
    ...file.problems,
    ...settingProblems,
    ...missingProblems(environment),
    ...overrides.flatMap(({ problem }) => problem ?? []),
    ...referenceProblems(environment),
    ...ofFunction.problems,
    ...combinationProblems(settings, configuration),
    ...own.problems,
    ...brokenRules([["BATON_LOG_LEVEL", logLevel.problem !== undefined, logLevel.problem ?? ""]]),
  ];
  const google = configuration?.google;
  if (!settings || !google || problems.length > 0)
    throw new BatonError("CONFIGURATION_INVALID", problemsText(problems.map(withOptionName(overrides))));
  const warnings = [...targetWarnings(file.variables, own.literal), logLevel.warning ?? []].flat();
  return {
    environment,
    /** Variables of the file that the function gets as they are. */
    ownVariables: own.literal,
    /** Secrets of the file by their variable, as `gcloud run deploy --set-secrets` takes them. */
    ownSecrets: own.secrets,
    /** Whether a file of variables was given, even an empty one. */
    hasFile: path !== undefined,
    /** The path of that file as it was given; undefined for `/dev/null`. */
    variablesFile: path === "/dev/null" ? undefined : path,
    configuration: { ...configuration, google },
    settings,
    /** Settings that work, but may be mistakes. */
    warnings: removes ? [] : warnings,
  };
}

/**
 * The variables that options set. An option may not contradict the file, which is for one deployment: another one would
 * work on its database and dataset.
 */
function optionVariables(options: TargetOptions, file: RawEnvironment) {
  const all = [
    ["project", "BATON_PROJECT", file.BATON_PROJECT || file.GOOGLE_CLOUD_PROJECT],
    ["region", "BATON_LOCATION", file.BATON_LOCATION],
    ["prefix", "BATON_PREFIX", file.BATON_PREFIX],
    ["function", "BATON_DEPLOY_FUNCTION", undefined],
    ["console", "BATON_DEPLOY_CONSOLE", undefined],
  ] as const;
  return all.flatMap(([name, variable, inFile]) => {
    const given = options[name];
    if (given === undefined) return [];
    const value = String(given);
    const message =
      `It is ${value}, and the file of --variables is for ${inFile}: leave the ` +
      "option out, or give another file";
    const problem = inFile && value !== inFile ? { variable, message } : undefined;
    return [{ option: `--${name}`, variable, value, problem }];
  });
}
type OptionVariables = ReturnType<typeof optionVariables>;

function withOptionName(overrides: OptionVariables) {
  return ({ variable, message }: VariableProblem): VariableProblem => {
    const override = overrides.find((each) => each.variable === variable && each.value);
    return { variable: override ? `${override.option} (${variable})` : variable, message };
  };
}

/** The variables that are not empty and not of this machine. */
function namedVariables(
  shell: RawEnvironment,
  file: RawEnvironment,
  overrides: OptionVariables,
): RawEnvironment {
  const named = Object.entries({ ...shell, ...file }).filter(
    ([name, value]) => value && !localOnly.test(name),
  );
  const environment: RawEnvironment = {
    ...Object.fromEntries(named),
    // A file may name the project by Google's variable, which takes precedence over the shell's BATON_PROJECT.
    ...(!file.BATON_PROJECT && file.GOOGLE_CLOUD_PROJECT && { BATON_PROJECT: file.GOOGLE_CLOUD_PROJECT }),
    ...Object.fromEntries(overrides.map(({ variable, value }) => [variable, value])),
  };
  const project = environment.BATON_PROJECT || environment.GOOGLE_CLOUD_PROJECT;
  return { ...environment, ...(project && { BATON_PROJECT: project }) };
}

/** The infrastructure gives the buckets these names by default. */
function withDefaults(environment: RawEnvironment): RawEnvironment {
  const name = `${environment.BATON_PROJECT}-${environment.BATON_PREFIX || "baton"}`;
  const buckets = { BATON_BUCKET: name, BATON_INBOX_BUCKET: `${name}-inbox` };
  return { ...buckets, ...environment, BATON_ENGINE: "gcp" };
}

const accountPattern = /^([a-z][a-z0-9-]*)-(?:function|push)@([a-z0-9-]+)\.iam\.gserviceaccount\.com$/;

/**
 * Refuses to deploy if the shell has the variables of another deployment, from its `infra/baton.….env`: this one would
 * get its bucket, database and queues. Throws `CONFIGURATION_INVALID`.
 */
function assertOwnShell(shell: RawEnvironment, target: RawEnvironment): void {
  const { BATON_SERVICE_ACCOUNT, BATON_CALLERS, BATON_AUDIENCE } = shell;
  if (!BATON_SERVICE_ACCOUNT && !BATON_CALLERS && !BATON_AUDIENCE) return;
  const match = accountPattern.exec(BATON_SERVICE_ACCOUNT ?? "") ?? accountPattern.exec(BATON_CALLERS ?? "");
  const [, accountPrefix, accountProject] = match ?? [];
  const prefix = match ? accountPrefix : shell.BATON_PREFIX || "baton";
  const project = match ? accountProject : shell.BATON_PROJECT || shell.GOOGLE_CLOUD_PROJECT;
  const targetPrefix = target.BATON_PREFIX ?? "baton";
  if (project === target.BATON_PROJECT && prefix === targetPrefix) return;
  const message =
    `This shell has the variables of the deployment ${prefix} of the project ${project}, ` +
    `not those of ${targetPrefix} of ${target.BATON_PROJECT}`;
  const remedy =
    "Deploy from another shell, without an infra/baton.….env: this one would get the other's bucket, " +
    "database and queues.";
  throw new BatonError("CONFIGURATION_INVALID", message, { remedy });
}

/** The variables of the function, for a check. `reported`: variables whose problems are known. */
function functionVariables(environment: RawEnvironment, reported: readonly string[]): RawEnvironment {
  const hasPowerBi = environment.BATON_POWERBI_TENANT_ID || environment.BATON_POWERBI_CLIENT_ID;
  const checked = Object.entries(environment).filter(([name]) => !isSecret(name) && !reported.includes(name));
  return {
    // A missing project is reported separately.
    BATON_PROJECT: "unnamed",
    ...Object.fromEntries(checked),
    // The deployment decides where the function is and who may call it.
    BATON_AUDIENCE: "https://function.example",
    BATON_CALLERS: "push",
    // Secrets are in Secret Manager: only their existence matters here.
    ...(hasPowerBi && { BATON_POWERBI_CLIENT_SECRET: "in Secret Manager" }),
  };
}

function missingProblems({ BATON_PROJECT, BATON_LOCATION }: RawEnvironment): VariableProblem[] {
  return brokenRules([
    ["BATON_PROJECT", !BATON_PROJECT, "Missing: the id of the project (or --project)"],
    ["BATON_LOCATION", !BATON_LOCATION, "Missing: the region, such as europe-west1 (or --region)"],
  ]);
}

/** The problems that involve several variables, or a rule that only a deployment has. */
function combinationProblems(
  settings: DeploymentSettings | undefined,
  configuration: Configuration | undefined,
): VariableProblem[] {
  const { BATON_DEPLOY_MIN_INSTANCES: least = 0, BATON_DEPLOY_MAX_INSTANCES: most = 0 } = settings ?? {};
  const { leaseSeconds = limits.leaseSeconds, google } = configuration ?? {};
  const { deliveryDeadlineSeconds: deadline } = limits;
  const tooMany = `${least} instances can't be kept if there are at most ${most} (BATON_DEPLOY_MAX_INSTANCES)`;
  const tooLong = `At most ${limits.leaseSeconds / 60}m: a task of a crashed worker waits that long for another`;
  // It would announce each stored result as a file.
  const isShared = google !== undefined && google.inboxBucket === google.bucket;
  return brokenRules([
    ["BATON_DEPLOY_MIN_INSTANCES", least > most, tooMany],
    // Function timeout < ack deadline ≤ 600 s < lease.
    ["BATON_LEASE", leaseSeconds <= deadline, `More than the ${deadline} s that a push waits, such as 11m`],
    ["BATON_LEASE", leaseSeconds > limits.leaseSeconds, tooLong],
    ["BATON_INBOX_BUCKET", isShared, "The inbox can't be Baton's own bucket (BATON_BUCKET)"],
  ]);
}

type Rule = readonly [variable: string, isBroken: boolean, message: string];

function brokenRules(rules: readonly Rule[]): VariableProblem[] {
  return rules.flatMap(([variable, isBroken, message]) => (isBroken ? [{ variable, message }] : []));
}

/** Alerts count lines of the levels warn and error: infra/metrics.tf. A test reads the levels of all lines. */
export function logLevelRules(level: LogLevel | undefined) {
  const problem =
    `Alerts count lines of the levels warn and error: with ${level}, no alert would fire. ` +
    "Write info or warn";
  const effect = "hides the lines of the level info: the dashboard shows no batch that starts or ends";
  const warning = `BATON_LOG_LEVEL=${level} ${effect}`;
  if (level === "error" || level === "silent") return { problem };
  return level === "warn" ? { warning } : {};
}

function targetWarnings(file: RawEnvironment, literal: TextVariables): string[] {
  const local = Object.keys(file).filter((name) => localOnly.test(name));
  const secrets = Object.keys(literal).filter((name) => looksSecret(name, literal[name] ?? ""));
  return [
    ...local.map((name) => `${name} of the file is for a local machine: the function does not get it`),
    ...secrets.map((name) => `${name} looks like a secret: ${storeItText(name)}`),
  ];
}
