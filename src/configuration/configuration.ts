import { resolve } from "node:path";
import type { OtlpSettings } from "../adapters/opentelemetry/otlp.ts";
import type { logLevels } from "../adapters/pino/logger.ts";
import type { PowerBiOptions } from "../adapters/power-bi/power-bi.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limitProblem, type QueueSettings, QueuesSchema } from "../core/queues.ts";
import {
  type DataformSettings,
  dataformSettings,
  type Environment,
  EnvironmentSchema,
  powerBiProblems,
  powerBiSettings,
  tracingProblems,
  tracingSettings,
} from "./environment.ts";
import {
  type GoogleConfiguration,
  googleConfiguration,
  googleProblems,
  selectImplementations,
} from "./google-configuration.ts";
import { defaultFolders } from "./project.ts";
import { type TaskSecretSettings, taskSecretProblems, taskSecretSettings } from "./secrets.ts";
import { parseVariables, problemsText, type RawEnvironment, type VariableProblem } from "./variables.ts";

/** The configuration of a process. Folders are absolute; times are seconds. */
export interface Configuration {
  readonly engine: "embedded" | "gcp";
  readonly warehouse: "duckdb" | "bigquery";
  readonly objects: "folder" | "storage";
  /** Undefined if no part runs on Google Cloud. */
  readonly google: GoogleConfiguration | undefined;
  readonly dataform: DataformSettings;
  /** Undefined: a task that needs Power BI fails with `SERVICE_NOT_CONFIGURED`. */
  readonly powerBi: PowerBiOptions | undefined;
  readonly data: string;
  /** Where files are dropped. `configured`: `BATON_INBOX` is set, so the folder must exist. */
  readonly inbox: {
    readonly folder: string;
    readonly configured: boolean;
    /** How long a file must be unchanged before it starts a workflow. Default: `limits.inboxStableMs`. */
    readonly quietSeconds: number | undefined;
  };
  readonly workflows: string;
  readonly durability: "full" | "normal";
  readonly leaseSeconds: number;
  readonly sweepSeconds: number;
  /** Maximum number of tasks of one queue that run at the same time in this process. */
  readonly concurrency: number;
  /** The queues with limits on how many tasks run at the same time and how fast they start. */
  readonly queues: ReadonlyMap<string, QueueSettings>;
  readonly allowPrivateAddresses: boolean;
  /** Secrets that sign callbacks, separated by spaces. Undefined: the secret in the data folder. */
  readonly callbackSecret: string | undefined;
  /** The secrets that tasks may use. */
  readonly taskSecrets: TaskSecretSettings;
  readonly logLevel: (typeof logLevels)[number] | undefined;
  /** Undefined: no traces are made. */
  readonly traces: OtlpSettings | undefined;
}

/**
 * The default lease of a claim. On Google Cloud it exceeds the push deadline, so that a redelivery can never take over
 * from a live worker.
 */
const defaultLeaseSeconds = { embedded: 30, gcp: 660 } as const;

/** The default interval of sweeps. Cloud Scheduler fires at most once a minute. */
const defaultSweepSeconds = { embedded: 30, gcp: 60 } as const;

interface ParsedConfiguration {
  /** Undefined if there are problems. */
  readonly configuration: Configuration | undefined;
  /** All missing and invalid variables. */
  readonly problems: readonly VariableProblem[];
}

/** `serves`: the process accepts messages. Other processes only read and publish. */
interface Purpose {
  readonly serves: boolean;
}

/** Parses the environment. Throws `CONFIGURATION_INVALID`, which lists all missing and invalid variables. */
export function readConfiguration(environment: RawEnvironment, purpose?: Purpose): Configuration {
  const { configuration, problems } = parseConfiguration(environment, purpose);
  if (configuration === undefined) throw new BatonError("CONFIGURATION_INVALID", problemsText(problems));
  return configuration;
}

/** Parses the environment without throwing. */
export function parseConfiguration(
  environment: RawEnvironment,
  purpose: Purpose = { serves: false },
): ParsedConfiguration {
  const { values, problems: invalid } = parseVariables(EnvironmentSchema, environment);
  const problems = [...invalid, ...variableProblems(environment, purpose)];
  const isValid = values !== undefined && problems.length === 0;
  const configuration = isValid ? toConfiguration(values, taskSecretSettings(environment)) : undefined;
  return { configuration, problems };
}

/** The problems that involve several variables. The schema finds those of a single one. */
export function variableProblems(environment: RawEnvironment, purpose: Purpose): VariableProblem[] {
  return [
    ...googleProblems(environment, purpose),
    ...queueProblems(environment),
    ...powerBiProblems(environment),
    ...tracingProblems(environment),
    ...taskSecretProblems(environment),
  ];
}

function toConfiguration(values: Environment, taskSecrets: TaskSecretSettings): Configuration {
  const { data, workflows } = configuredFolders(values);
  const implementations = selectImplementations(values);
  const google = googleConfiguration(values);
  return {
    ...implementations,
    google,
    dataform: dataformSettings(values),
    powerBi: powerBiSettings(values),
    data,
    inbox: {
      folder: resolve(values.BATON_INBOX ?? `${data}/inbox`),
      configured: values.BATON_INBOX !== undefined,
      quietSeconds: values.BATON_INBOX_QUIET,
    },
    workflows,
    durability: values.BATON_DURABILITY,
    leaseSeconds: values.BATON_LEASE ?? defaultLeaseSeconds[implementations.engine],
    sweepSeconds: values.BATON_SWEEP ?? defaultSweepSeconds[implementations.engine],
    concurrency: values.BATON_CONCURRENCY,
    queues: values.BATON_QUEUES,
    allowPrivateAddresses: values.BATON_HTTP_ALLOW_PRIVATE,
    callbackSecret: values.BATON_CALLBACK_SECRET,
    taskSecrets,
    logLevel: values.BATON_LOG_LEVEL,
    traces: tracingSettings(values, { engine: implementations.engine, projectId: google?.projectId }),
  };
}

/** A configured folder is relative to the current one. The project is looked for only if a folder is not configured. */
function configuredFolders({ BATON_DATA: data, BATON_WORKFLOWS: workflows }: Environment) {
  if (data !== undefined && workflows !== undefined)
    return { data: resolve(data), workflows: resolve(workflows) };
  const defaults = defaultFolders();
  return { data: resolve(data ?? defaults.data), workflows: resolve(workflows ?? defaults.workflows) };
}

/**
 * The problems of the queues of `BATON_QUEUES` on Google Cloud, where Cloud Tasks calls the function by its URL. A
 * process that only publishes needs the same variables: a message sent in another way would bypass the limits.
 */
function queueProblems(environment: RawEnvironment): VariableProblem[] {
  if (environment.BATON_ENGINE !== "gcp") return [];
  const queues = QueuesSchema.safeParse(environment.BATON_QUEUES ?? "").data;
  if (!queues || queues.size === 0) return [];
  const invalidLimits = [...queues].flatMap(([queue, settings]) => {
    const problem = limitProblem(queue, settings);
    return problem === undefined ? [] : [`"${queue}": ${problem}`];
  });
  return [
    ...invalidLimits.map((message) => ({ variable: "BATON_QUEUES", message })),
    ...queueRequirements
      .filter(({ variable, isValid }) => !isValid(environment[variable] ?? ""))
      .map(toProblem),
  ];
}

interface QueueRequirement {
  readonly variable: keyof Environment;
  readonly why: string;
  readonly isValid: (value: string) => boolean;
}

const isSet = (value: string) => value !== "";
const isHttpUrl = (value: string) => URL.canParse(value) && /^https?:/.test(value);

const queueRequirements: readonly QueueRequirement[] = [
  { variable: "BATON_LOCATION", why: "the region of the queues, such as europe-west1", isValid: isSet },
  {
    variable: "BATON_AUDIENCE",
    why: "the URL of the function, which Cloud Tasks calls: https://…",
    isValid: isHttpUrl,
  },
  {
    variable: "BATON_CALLERS",
    why: "first, the account with which Cloud Tasks calls the function",
    isValid: isSet,
  },
];

function toProblem({ variable, why }: QueueRequirement): VariableProblem {
  return { variable, message: `Missing for BATON_QUEUES: ${why}; \`baton deploy\` prints it` };
}
