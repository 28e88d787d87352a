import { setTimeout as sleep } from "node:timers/promises";
import type { BigQuery } from "@google-cloud/bigquery";
import type * as z from "zod";
import type { ErrorCode } from "../../core/errors/error-catalog.ts";
import { errorMessage, TaskError } from "../../core/errors/errors.ts";
import type { TaskTime } from "../../ports/task-runner.ts";
import { anonymousClient, withFreshCredentials, withTimeout } from "../remote/google-credentials.ts";
import { retryInPlaceDelayMs } from "../remote/http-request.ts";
import { parseResponse, toClientFailure, toResponseBody } from "../remote/service-response.ts";

export interface BigQueryOptions {
  readonly projectId: string;
  /** Dataset of tables that are named without one. Created if it is missing. */
  readonly dataset: string;
  /** Part of every job id: two deployments in one project must not share jobs. Default: the dataset. */
  readonly deployment?: string | undefined;
  /**
   * Where jobs run and datasets are created, such as `EU` or `europe-west6`. Default: where the dataset is, or `US`.
   */
  readonly location?: string | undefined;
  /** Default: Google's. Any other host is called without credentials. */
  readonly apiEndpoint?: string | undefined;
  /**
   * Cloud Storage, from which files are inspected before they are loaded. Default: Google's, or the host of
   * `apiEndpoint` if that is set: www.googleapis.com has both services.
   */
  readonly storageEndpoint?: string | undefined;
  /** Limit for queries that have none of their own. Default: none. */
  readonly maximumBytesBilled?: number | undefined;
  /** How long a call waits for a job that it started. Default: `limits.warehouseWaitSeconds`. */
  readonly waitMs?: number | undefined;
  /** The clock of tasks. The time that a job waits in BigQuery's queue does not count for the task. */
  readonly time?: TaskTime | undefined;
  /** Timeout of one request, after which it is sent again. Default: a minute. */
  readonly requestMs?: number | undefined;
  /** Size of the pieces of an upload, a multiple of 256 KiB. Default: 8 MiB. */
  readonly uploadPieceBytes?: number | undefined;
}

type Method = "GET" | "POST" | "DELETE";
type Fields = Readonly<Record<string, unknown>>;

interface Content {
  readonly body?: Fields;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Longer than any request takes: no request waits for a job. */
const requestTimeoutMs = 60_000;
/** Every request may be sent again: what it creates has an id that Baton chose. */
export const retryWaitsMs = [100, 400, 1_600];
const retryableStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Sends requests to BigQuery's REST API for one project. Google's client is loaded at the first one. */
export class BigQueryApi {
  readonly #options: BigQueryOptions;
  #client: Promise<BigQuery> | undefined;

  constructor(options: BigQueryOptions) {
    this.#options = options;
  }

  /**
   * Returns undefined if the resource to read or delete does not exist. Retries transient errors, and responses that
   * are not from BigQuery. Throws `BigQueryRefusal`, the `TaskError` of an error that every request may get, and the
   * reason of the signal.
   */
  async call<T>(
    method: Method,
    path: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    content: Content = {},
  ): Promise<T | undefined> {
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      try {
        return parseResponse(schema, await this.#sendWithFreshCredentials(method, path, content));
      } catch (thrown) {
        const failure = toRefusal(thrown);
        if (failure.status === 404 && method !== "POST") return undefined;
        await rethrowOrBackOff(failure, retryWaitsMs[tries], signal);
      }
    }
  }

  #sendWithFreshCredentials(method: Method, path: string, content: Content): Promise<unknown> {
    return withFreshCredentials(() => this.#send(method, path, content), {
      isRefused: (thrown) => toClientFailure(thrown).answeredStatus === 401,
      refresh: () => {
        this.#client = undefined;
      },
    });
  }

  async #send(method: Method, uri: string, { body, query }: Content): Promise<unknown> {
    this.#client ??= createClient(this.#options);
    const client = await this.#client;
    const parameters = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const request = { method, uri, qs: Object.fromEntries(parameters), ...(body && { json: body }) };
    const result = Promise.withResolvers<unknown>();
    client.request(request, (error, content, response) =>
      error ? result.reject(error) : result.resolve(toResponseBody(response?.statusCode, content)),
    );
    return withTimeout(this.#options.requestMs ?? requestTimeoutMs, result.promise);
  }
}

/** The client's own retries are off: they start with a wait of seconds. */
async function createClient({ projectId, apiEndpoint }: BigQueryOptions): Promise<BigQuery> {
  const { BigQuery } = await import("@google-cloud/bigquery");
  const plain = { projectId, autoRetry: false };
  if (apiEndpoint === undefined) return new BigQuery(plain);
  const isGoogle = /^(https:\/\/)?([\w-]+\.)*googleapis\.com\/?$/.test(apiEndpoint);
  const client = isGoogle
    ? new BigQuery({ ...plain, apiEndpoint })
    : new BigQuery({ ...plain, apiEndpoint, authClient: await anonymousClient() });
  // With BIGQUERY_EMULATOR_HOST in the environment, the client omits the path of the API.
  client.baseUrl = `${client.apiEndpoint}/bigquery/v2`;
  return client;
}

/** Status 0 means that there was no response. */
export function toRefusal(thrown: unknown): BigQueryRefusal {
  const { status, message, reasons, retryAfterSeconds } = toClientFailure(thrown);
  if (/could not load the default credentials/i.test(message))
    return new BigQueryRefusal(401, { reason: "required", message });
  return new BigQueryRefusal(status, { reason: reasons[0] ?? "", message }, retryAfterSeconds);
}

/** Throws unless the request may be retried; otherwise waits for the back-off. */
export async function rethrowOrBackOff(
  failure: BigQueryRefusal,
  waitMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!isRetryable(failure)) throw toCommonFailure(failure);
  const pauseMs = waitMs === undefined ? undefined : retryInPlaceDelayMs(waitMs, failure.retryAfterSeconds);
  if (pauseMs === undefined) throw unavailable(failure.message, failure);
  await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

function isRetryable(failure: BigQueryRefusal): boolean {
  return failure.status === 0 || retryableStatuses.has(failure.status) || isTransient(failure);
}

function toCommonFailure(failure: BigQueryRefusal): Error {
  const isDenied = failure.status === 401 || (failure.status === 403 && failure.reason === "");
  const reason = isDenied ? "accessDenied" : failure.reason;
  return commonFailure({ reason, message: failure.message }, failure) ?? failure;
}

/** BigQuery's error for a request or for a job. */
export interface Problem {
  readonly reason: string;
  readonly message: string;
}

/** An error response of BigQuery. */
export class BigQueryRefusal extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly reason: string;
  /** How long BigQuery asks its client to wait. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, problem: Problem, retryAfterSeconds?: number) {
    super(problem.message);
    this.status = status;
    this.reason = problem.reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A failure that another attempt would meet again. */
export function finalFailure(code: ErrorCode, message: string, cause?: unknown): TaskError {
  return new TaskError(message, { code, retryable: false, cause });
}

export function unavailable(message: string, cause?: unknown): TaskError {
  const retryAfterSeconds = cause instanceof BigQueryRefusal ? cause.retryAfterSeconds : undefined;
  const options = { code: "WAREHOUSE_FAILED", retryable: true, cause, retryAfterSeconds };
  return new TaskError(`BigQuery failed: ${message}`, options);
}

const transientReasons: ReadonlySet<string> = new Set([
  "backendError",
  "internalError",
  "jobBackendError",
  "jobInternalError",
  "jobRateLimitExceeded",
  "quotaExceeded",
  "rateLimitExceeded",
  "resourceInUse",
  "tableUnavailable",
  "timeout",
  "userRateLimitExceeded",
]);

/** Whether a retry may succeed. Two writers of one table conflict only for a moment. */
export function isTransient({ reason, message }: Problem): boolean {
  return transientReasons.has(reason) || /could not serialize access|concurrent update/i.test(message);
}

/** The error for a problem that any request or job may have. Undefined if its meaning depends on the request. */
export function commonFailure(problem: Problem, cause?: unknown): TaskError | undefined {
  const { reason, message } = problem;
  if (isTransient(problem)) return unavailable(message, cause);
  switch (reason) {
    case "accessDenied":
    case "accessNotConfigured":
    case "authError":
    case "billingNotEnabled":
    case "forbidden":
      return finalFailure("WAREHOUSE_DENIED", `BigQuery refused: ${message}`, cause);
    case "bytesBilledLimitExceeded":
      return finalFailure("QUERY_TOO_EXPENSIVE", message, cause);
    case "stopped":
      return finalFailure("WAREHOUSE_JOB_STOPPED", `The job was stopped: ${message}`, cause);
    default:
      return undefined;
  }
}

/** Converts a `BigQueryRefusal` to a `TaskError`, with this code unless it has a common one. */
export function toTaskFailure(code: ErrorCode, prefix: string, thrown: unknown): unknown {
  if (!(thrown instanceof BigQueryRefusal)) return thrown;
  const problem = { reason: thrown.reason, message: errorMessage(thrown) };
  return commonFailure(problem, thrown) ?? finalFailure(code, `${prefix}: ${problem.message}`, thrown);
}
