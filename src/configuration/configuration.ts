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
  partsOf,
} from "./google-configuration.ts";
import { type TaskSecretSettings, taskSecretProblems, taskSecretSettings } from "./secrets.ts";
import { parseVariables, problemsText, type RawEnvironment, type VariableProblem } from "./variables.ts";

/** Everything the environment decides. Folders are absolute; times are seconds. */
export interface Configuration {
  readonly engine: "embedded" | "gcp";
  readonly warehouse: "duckdb" | "bigquery";
  readonly objects: "folder" | "storage";
  /** Of the parts that are Google's; undefined when none is. */
  readonly google: GoogleConfiguration | undefined;
  readonly dataform: DataformSettings;
  /** Undefined: tasks that need it say so. */
  readonly powerBi: PowerBiOptions | undefined;
  readonly data: string;
  /** Where files are dropped. `configured` when it was named: then it has to exist. */
  readonly inbox: {
    readonly folder: string;
    readonly configured: boolean;
    /** How long a file must not have changed before it is taken; undefined: `limits.inboxStableMs`. */
    readonly quietSeconds: number | undefined;
  };
  readonly workflows: string;
  readonly durability: "full" | "normal";
  readonly leaseSeconds: number;
  readonly sweepSeconds: number;
  /** Tasks of one queue that run at the same time in this process. */
  readonly concurrency: number;
  /** The queues that have settings of their own: how many of their tasks run at the same time, and how fast they begin. */
  readonly queues: ReadonlyMap<string, QueueSettings>;
  readonly allowPrivateAddresses: boolean;
  /** Secrets that callbacks are signed with, separated by spaces; undefined: one of the data folder. */
  readonly callbackSecret: string | undefined;
  /** The secrets that tasks may name. */
  readonly taskSecrets: TaskSecretSettings;
  readonly logLevel: (typeof logLevels)[number] | undefined;
  /** Where traces go; undefined: none are made. */
  readonly traces: OtlpSettings | undefined;
}

/**
 * How long a claim is believed, unless the environment says otherwise. On Google Cloud longer than the longest push, so
 * that a message which comes again after its deadline never finds a worker that is alive and not believed.
 */
const defaultLeaseSeconds = { embedded: 30, gcp: 660 } as const;

/** Cloud Scheduler counts in minutes. */
const defaultSweepSeconds = { embedded: 30, gcp: 60 } as const;

interface ParsedConfiguration {
  /** Undefined when something is wrong. */
  readonly configuration: Configuration | undefined;
  /** Every variable that is missing or wrong. */
  readonly problems: readonly VariableProblem[];
}

/** For what process: one that takes messages (`serves`), or that only looks. */
interface Purpose {
  readonly serves: boolean;
}

/** Parses the environment. Throws `CONFIGURATION_INVALID`, which names every missing or wrong variable at once. */
export function readConfiguration(environment: RawEnvironment, purpose?: Purpose): Configuration {
  const { configuration, problems } = parseConfiguration(environment, purpose);
  if (configuration === undefined) throw new BatonError("CONFIGURATION_INVALID", problemsText(problems));
  return configuration;
}

/** Parses the environment, and throws nothing. */
export function parseConfiguration(
  environment: RawEnvironment,
  purpose: Purpose = { serves: false },
): ParsedConfiguration {
  const { values, problems: wrong } = parseVariables(EnvironmentSchema, environment);
  const problems = [...wrong, ...variableProblems(environment, purpose)];
  const isRight = values !== undefined && problems.length === 0;
  const configuration = isRight ? toConfiguration(values, taskSecretSettings(environment)) : undefined;
  return { configuration, problems };
}

/** What is missing or wrong beyond a variable's own form. */
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
  const data = resolve(values.BATON_DATA);
  const parts = partsOf(values);
  const google = googleConfiguration(values);
  return {
    ...parts,
    google,
    dataform: dataformSettings(values),
    powerBi: powerBiSettings(values),
    data,
    inbox: {
      folder: resolve(values.BATON_INBOX ?? `${data}/inbox`),
      configured: values.BATON_INBOX !== undefined,
      quietSeconds: values.BATON_INBOX_QUIET,
    },
    workflows: resolve(values.BATON_WORKFLOWS),
    durability: values.BATON_DURABILITY,
    leaseSeconds: values.BATON_LEASE ?? defaultLeaseSeconds[parts.engine],
    sweepSeconds: values.BATON_SWEEP ?? defaultSweepSeconds[parts.engine],
    concurrency: values.BATON_CONCURRENCY,
    queues: values.BATON_QUEUES,
    allowPrivateAddresses: values.BATON_HTTP_ALLOW_PRIVATE,
    callbackSecret: values.BATON_CALLBACK_SECRET,
    taskSecrets,
    logLevel: values.BATON_LOG_LEVEL,
    traces: tracingSettings(values, { engine: parts.engine, projectId: google?.projectId }),
  };
}

/**
 * What keeps the queues of BATON_QUEUES from being limited on Google Cloud, where Cloud Tasks calls the function by its address.
 * What publishes tasks needs it as the function does: a message that took another way would not be held to the limits.
 */
function queueProblems(environment: RawEnvironment): VariableProblem[] {
  if (environment.BATON_ENGINE !== "gcp") return [];
  const queues = QueuesSchema.safeParse(environment.BATON_QUEUES ?? "").data;
  if (!queues || queues.size === 0) return [];
  const wrong = [...queues].flatMap(([queue, settings]) => {
    const problem = limitProblem(queue, settings);
    return problem === undefined ? [] : [`"${queue}": ${problem}`];
  });
  return [
    ...wrong.map((message) => ({ variable: "BATON_QUEUES", message })),
    ...needs.filter(({ variable, isRight }) => !isRight(environment[variable] ?? "")).map(toProblem),
  ];
}

interface Need {
  readonly variable: keyof Environment;
  readonly why: string;
  readonly isRight: (value: string) => boolean;
}

const isThere = (value: string) => value !== "";
const isAddress = (value: string) => URL.canParse(value) && /^https?:/.test(value);

const needs: readonly Need[] = [
  { variable: "BATON_LOCATION", why: "the region of the queues, such as europe-west1", isRight: isThere },
  {
    variable: "BATON_AUDIENCE",
    why: "the address of the function, which Cloud Tasks calls: https://…",
    isRight: isAddress,
  },
  {
    variable: "BATON_CALLERS",
    why: "the account that Cloud Tasks calls it as, first",
    isRight: isThere,
  },
];

function toProblem({ variable, why }: Need): VariableProblem {
  return { variable, message: `Missing for BATON_QUEUES: ${why}; \`baton deploy\` prints it` };
}
