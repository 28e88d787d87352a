import { googleIssuer, type OidcSettings } from "../adapters/oidc/caller-check.ts";
import type { IapSettings } from "../adapters/oidc/iap-access.ts";
import { iapIssuer } from "../adapters/oidc/token-verifier.ts";
import type { CompletionMode } from "../core/messages.ts";
import type { Environment } from "./environment.ts";
import type { RawEnvironment, VariableProblem } from "./variables.ts";

/** The configuration of Google Cloud. Times are seconds. */
export interface GoogleConfiguration {
  readonly projectId: string;
  readonly location: string;
  /** Prefix of the names of topics and queues. */
  readonly prefix: string;
  readonly databaseId: string;
  /** Holds results, reports and dead letters. */
  readonly bucket: string;
  /** The bucket that workflows name `inbox`. */
  readonly inboxBucket: string;
  readonly dataset: string;
  readonly bigQueryLocation: string | undefined;
  /** Default limit of the bytes that one query may bill. */
  readonly maximumBytesBilled: number | undefined;
  /** The account with which Cloud Tasks publishes. */
  readonly serviceAccount: string | undefined;
  readonly retentionSeconds: number;
  readonly functionTimeoutSeconds: number;
  /** How a task's completion reaches its children. */
  readonly completions: CompletionMode;
  /** Undefined: callers are checked before a request reaches the function. */
  readonly callers: OidcSettings | undefined;
  /** Undefined: this process is not the console behind Identity-Aware Proxy. */
  readonly console: IapSettings | undefined;
  readonly endpoints: {
    readonly pubSub: string;
    readonly cloudTasksHost: string | undefined;
    readonly storage: string | undefined;
    readonly bigQuery: string | undefined;
  };
}

/** The engine, the warehouse and the object store to use. */
export function selectImplementations({ BATON_ENGINE, BATON_WAREHOUSE, BATON_OBJECTS }: Selection) {
  const isCloud = BATON_ENGINE === "gcp";
  return {
    engine: BATON_ENGINE,
    warehouse: BATON_WAREHOUSE ?? (isCloud ? "bigquery" : "duckdb"),
    objects: BATON_OBJECTS ?? (isCloud ? "storage" : "folder"),
  } as const;
}
type Selection = Pick<Environment, "BATON_ENGINE" | "BATON_WAREHOUSE" | "BATON_OBJECTS">;

/** The missing variables. Reads the raw environment, so that they are reported together with the invalid ones. */
export function googleProblems(
  environment: RawEnvironment,
  { serves }: { readonly serves: boolean },
): VariableProblem[] {
  const engine = environment.BATON_ENGINE;
  const usesStorage =
    environment.BATON_OBJECTS === "storage" || (engine === "gcp" && !environment.BATON_OBJECTS);
  const isGoogle = engine === "gcp" || usesStorage || environment.BATON_WAREHOUSE === "bigquery";
  return [
    ...(isGoogle ? missing(environment, projectRequirements) : []),
    ...(usesStorage ? missing(environment, storageRequirements) : []),
    ...(engine === "gcp" && serves
      ? missing(environment, [...engineRequirements, ...callerRequirements(environment)])
      : []),
  ];
}

interface Requirement {
  readonly variable: keyof Environment;
  readonly why: string;
  /** If this variable is set, the requirement is met too. */
  readonly unless?: keyof Environment;
}

const projectRequirements: readonly Requirement[] = [
  {
    variable: "BATON_PROJECT",
    why: "the project of all resources",
    unless: "GOOGLE_CLOUD_PROJECT",
  },
];
const storageRequirements: readonly Requirement[] = [
  { variable: "BATON_BUCKET", why: "the bucket of results, reports and dead letters" },
];
const engineRequirements: readonly Requirement[] = [
  { variable: "BATON_LOCATION", why: "the region of the Cloud Tasks queue, such as europe-west1" },
  { variable: "BATON_CALLBACK_SECRET", why: "it signs callbacks and Baton's own messages" },
  {
    variable: "BATON_SERVICE_ACCOUNT",
    why: "the account with which Cloud Tasks publishes",
    unless: "CLOUD_TASKS_EMULATOR_HOST",
  },
];

/** Tokens are checked only if both variables are set. */
function callerRequirements(environment: RawEnvironment): readonly Requirement[] {
  if (environment.BATON_AUDIENCE)
    return [{ variable: "BATON_CALLERS", why: "the accounts that may call, now that BATON_AUDIENCE is set" }];
  if (environment.BATON_CALLERS)
    return [{ variable: "BATON_AUDIENCE", why: "the audience of the tokens of BATON_CALLERS" }];
  return [];
}

function missing(environment: RawEnvironment, requirements: readonly Requirement[]): VariableProblem[] {
  return requirements
    .filter(({ variable, unless }) => !environment[variable] && !(unless && environment[unless]))
    .map(({ variable, why, unless }) => ({
      variable,
      message: `Missing: ${why}${unless ? ` (or set ${unless})` : ""}`,
    }));
}

/** Undefined if no part runs on Google Cloud. */
export function googleConfiguration(values: Environment): GoogleConfiguration | undefined {
  const projectId = values.BATON_PROJECT ?? values.GOOGLE_CLOUD_PROJECT;
  const { engine, warehouse, objects } = selectImplementations(values);
  if (projectId === undefined || (engine !== "gcp" && warehouse !== "bigquery" && objects !== "storage"))
    return undefined;
  const bucket = values.BATON_BUCKET ?? "";
  return {
    projectId,
    location: values.BATON_LOCATION ?? "",
    prefix: values.BATON_PREFIX,
    databaseId: values.BATON_DATABASE,
    bucket,
    inboxBucket: values.BATON_INBOX_BUCKET ?? bucket,
    dataset: values.BATON_DATASET,
    bigQueryLocation: values.BATON_BIGQUERY_LOCATION,
    maximumBytesBilled: values.BATON_MAX_BYTES_BILLED,
    serviceAccount: values.BATON_SERVICE_ACCOUNT,
    retentionSeconds: values.BATON_RETENTION,
    functionTimeoutSeconds: values.BATON_FUNCTION_TIMEOUT,
    completions: values.BATON_COMPLETIONS,
    callers: toOidcSettings(values),
    console: toIapSettings(values),
    endpoints: {
      pubSub: values.BATON_PUBSUB_ENDPOINT ?? pubSubEndpoint(values),
      cloudTasksHost: values.CLOUD_TASKS_EMULATOR_HOST,
      storage: values.STORAGE_EMULATOR_HOST,
      bigQuery: values.BIGQUERY_EMULATOR_HOST,
    },
  };
}

/** The usual emulators accept HTTP and gRPC at the same address. */
function pubSubEndpoint({ PUBSUB_EMULATOR_HOST: host }: Environment): string {
  return host === undefined ? "https://pubsub.googleapis.com" : `http://${host}`;
}

function toOidcSettings(values: Environment): OidcSettings | undefined {
  if (values.BATON_AUDIENCE === undefined) return undefined;
  return {
    audience: values.BATON_AUDIENCE,
    callers: values.BATON_CALLERS,
    issuer: values.BATON_OIDC_ISSUER ?? googleIssuer.issuer,
    keysUrl: values.BATON_OIDC_KEYS_URL ?? googleIssuer.keysUrl,
  };
}

function toIapSettings(values: Environment): IapSettings | undefined {
  if (values.BATON_CONSOLE_AUDIENCE === undefined) return undefined;
  return {
    audience: values.BATON_CONSOLE_AUDIENCE,
    operators: values.BATON_CONSOLE_OPERATORS,
    issuer: values.BATON_CONSOLE_ISSUER ?? iapIssuer.issuer,
    keysUrl: values.BATON_CONSOLE_KEYS_URL ?? iapIssuer.keysUrl,
  };
}
