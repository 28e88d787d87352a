import { googleIssuer, type OidcSettings } from "../adapters/oidc/caller-check.ts";
import type { CompletionMode } from "../core/messages.ts";
import type { Environment } from "./environment.ts";
import type { RawEnvironment, VariableProblem } from "./variables.ts";

/** What the environment decides about Google Cloud. Times are seconds. */
export interface GoogleConfiguration {
  readonly projectId: string;
  readonly location: string;
  /** First part of the names of topics and queues. */
  readonly prefix: string;
  readonly databaseId: string;
  /** Holds results, reports and dead letters. */
  readonly bucket: string;
  /** What workflows mean by the bucket `inbox`. */
  readonly inboxBucket: string;
  readonly dataset: string;
  readonly bigQueryLocation: string | undefined;
  /** What one query may cost, unless it says otherwise. */
  readonly maximumBytesBilled: number | undefined;
  /** In whose name Cloud Tasks publishes. */
  readonly serviceAccount: string | undefined;
  readonly retentionSeconds: number;
  readonly functionTimeoutSeconds: number;
  /** How the ending of a task reaches its children. */
  readonly completions: CompletionMode;
  /** Undefined: whatever is before the function lets through those who may call. */
  readonly callers: OidcSettings | undefined;
  readonly endpoints: {
    readonly pubSub: string;
    readonly cloudTasksHost: string | undefined;
    readonly storage: string | undefined;
    readonly bigQuery: string | undefined;
  };
}

/** Which parts are Google's. */
export function partsOf({ BATON_ENGINE, BATON_WAREHOUSE, BATON_OBJECTS }: Parts) {
  const isCloud = BATON_ENGINE === "gcp";
  return {
    engine: BATON_ENGINE,
    warehouse: BATON_WAREHOUSE ?? (isCloud ? "bigquery" : "duckdb"),
    objects: BATON_OBJECTS ?? (isCloud ? "storage" : "folder"),
  } as const;
}
type Parts = Pick<Environment, "BATON_ENGINE" | "BATON_WAREHOUSE" | "BATON_OBJECTS">;

/** What is missing for the parts that are chosen. Looks at the raw variables: it is told together with what is wrong. */
export function googleProblems(
  environment: RawEnvironment,
  { serves }: { readonly serves: boolean },
): VariableProblem[] {
  const engine = environment.BATON_ENGINE;
  const usesStorage =
    environment.BATON_OBJECTS === "storage" || (engine === "gcp" && !environment.BATON_OBJECTS);
  const isGoogle = engine === "gcp" || usesStorage || environment.BATON_WAREHOUSE === "bigquery";
  return [
    ...(isGoogle ? need(environment, projectNeeds) : []),
    ...(usesStorage ? need(environment, storageNeeds) : []),
    ...(engine === "gcp" && serves ? need(environment, [...engineNeeds, ...callerNeeds(environment)]) : []),
  ];
}

interface Need {
  readonly variable: keyof Environment;
  readonly why: string;
  /** Makes up for it when it is there. */
  readonly unless?: keyof Environment;
}

const projectNeeds: readonly Need[] = [
  {
    variable: "BATON_PROJECT",
    why: "the project of all resources",
    unless: "GOOGLE_CLOUD_PROJECT",
  },
];
const storageNeeds: readonly Need[] = [
  { variable: "BATON_BUCKET", why: "the bucket of results, reports and dead letters" },
];
const engineNeeds: readonly Need[] = [
  { variable: "BATON_LOCATION", why: "the region of the Cloud Tasks queue, such as europe-west1" },
  { variable: "BATON_CALLBACK_SECRET", why: "it signs callbacks and Baton's own messages" },
  {
    variable: "BATON_SERVICE_ACCOUNT",
    why: "the account that Cloud Tasks publishes as",
    unless: "CLOUD_TASKS_EMULATOR_HOST",
  },
];

/** Tokens are looked at with both, or not at all. */
function callerNeeds(environment: RawEnvironment): readonly Need[] {
  if (environment.BATON_AUDIENCE)
    return [{ variable: "BATON_CALLERS", why: "the accounts that may call, now that BATON_AUDIENCE is set" }];
  if (environment.BATON_CALLERS)
    return [{ variable: "BATON_AUDIENCE", why: "the audience of the tokens of BATON_CALLERS" }];
  return [];
}

function need(environment: RawEnvironment, needs: readonly Need[]): VariableProblem[] {
  return needs
    .filter(({ variable, unless }) => !environment[variable] && !(unless && environment[unless]))
    .map(({ variable, why, unless }) => ({
      variable,
      message: `Missing: ${why}${unless ? ` (or set ${unless})` : ""}`,
    }));
}

/** Undefined when no part is Google's. */
export function googleConfiguration(values: Environment): GoogleConfiguration | undefined {
  const projectId = values.BATON_PROJECT ?? values.GOOGLE_CLOUD_PROJECT;
  const { engine, warehouse, objects } = partsOf(values);
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
    callers: callersOf(values),
    endpoints: {
      pubSub: values.BATON_PUBSUB_ENDPOINT ?? pubSubEndpoint(values),
      cloudTasksHost: values.CLOUD_TASKS_EMULATOR_HOST,
      storage: values.STORAGE_EMULATOR_HOST,
      bigQuery: values.BIGQUERY_EMULATOR_HOST,
    },
  };
}

/** The usual local servers take HTTP where they take gRPC. */
function pubSubEndpoint({ PUBSUB_EMULATOR_HOST: host }: Environment): string {
  return host === undefined ? "https://pubsub.googleapis.com" : `http://${host}`;
}

function callersOf(values: Environment): OidcSettings | undefined {
  if (values.BATON_AUDIENCE === undefined) return undefined;
  return {
    audience: values.BATON_AUDIENCE,
    callers: values.BATON_CALLERS,
    issuer: values.BATON_OIDC_ISSUER ?? googleIssuer.issuer,
    keysUrl: values.BATON_OIDC_KEYS_URL ?? googleIssuer.keysUrl,
  };
}
