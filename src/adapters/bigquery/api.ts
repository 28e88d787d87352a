import { setTimeout as sleep } from "node:timers/promises";
import type { BigQuery } from "@google-cloud/bigquery";
import type * as z from "zod";
import type { TaskTime } from "../../ports/task-runner.ts";
import { anonymousClient, withFreshCredentials, withTimeout } from "../remote/google-credentials.ts";
import { retryInPlaceDelayMs } from "../remote/http-request.ts";
import { parseResponse, toClientFailure, toResponseBody } from "../remote/service-response.ts";
import { BigQueryRefusal, commonFailure, isTransient, unavailable } from "./errors.ts";

export interface BigQueryOptions {
  readonly projectId: string;
  /** Dataset of tables that are named without one. Made when it is missing. */
  readonly dataset: string;
  /** Names the deployment: job ids are unique in a project, and those of another deployment are not ours. Default: the dataset. */
  readonly deployment?: string | undefined;
  /** Where jobs run and datasets are made, such as `EU` or `europe-west6`. Default: where the dataset is, or else `US`. */
  readonly location?: string | undefined;
  /** Default: Google's. Another host, such as a local server, is called without credentials. */
  readonly apiEndpoint?: string | undefined;
  /**
   * Cloud Storage, whose files are looked at before they are loaded. Default: Google's; beside another `apiEndpoint`,
   * the same host, as www.googleapis.com has both.
   */
  readonly storageEndpoint?: string | undefined;
  /** Limit of every query that has none of its own. Default: none. */
  readonly maximumBytesBilled?: number | undefined;
  /** How long a call waits for a job that it began. Default: `limits.warehouseWaitSeconds`. */
  readonly waitMs?: number | undefined;
  /** The time of the tasks that use it: while a job of theirs waits to be begun, it is not theirs. */
  readonly time?: TaskTime | undefined;
  /** How long one request is waited for before it is sent again. Default: a minute. */
  readonly requestMs?: number | undefined;
}

type Method = "GET" | "POST" | "DELETE";
type Fields = Readonly<Record<string, unknown>>;

interface Content {
  readonly body?: Fields;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** Longer than any answer is waited for: queries are not waited for in one request. */
const requestTimeoutMs = 60_000;
/** Every request can be sent again: what makes something has its name from us. */
const retryWaitsMs = [100, 400, 1_600];
const retryableStatuses: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** Requests to BigQuery's REST API in one project. The client is loaded at the first. */
export class BigQueryApi {
  readonly #options: BigQueryOptions;
  #client: Promise<BigQuery> | undefined;

  constructor(options: BigQueryOptions) {
    this.#options = options;
  }

  /**
   * What BigQuery answered; undefined for what is not there to be read or deleted. Throws `Refused` for other
   * answers, the TaskErrors that mean the same whatever was asked for, and the reason of the signal. What is not an
   * answer of BigQuery's counts as none: it is asked again.
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
        return parseResponse(schema, await this.#sendKnown(method, path, content));
      } catch (thrown) {
        const failure = toRefusal(thrown);
        if (failure.status === 404 && method !== "POST") return undefined;
        await rethrowOrBackOff(failure, retryWaitsMs[tries], signal);
      }
    }
  }

  #sendKnown(method: Method, path: string, content: Content): Promise<unknown> {
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
    const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const request = { method, uri, qs: Object.fromEntries(given), ...(body && { json: body }) };
    const answer = Promise.withResolvers<unknown>();
    client.request(request, (error, body, response) =>
      error ? answer.reject(error) : answer.resolve(toResponseBody(response?.statusCode, body)),
    );
    return withTimeout(this.#options.requestMs ?? requestTimeoutMs, answer.promise);
  }
}

/** Retries are ours: the client's begin with a wait of seconds. */
async function createClient({ projectId, apiEndpoint }: BigQueryOptions): Promise<BigQuery> {
  const { BigQuery } = await import("@google-cloud/bigquery");
  const plain = { projectId, autoRetry: false };
  if (apiEndpoint === undefined) return new BigQuery(plain);
  const isGoogle = /^(https:\/\/)?([\w-]+\.)*googleapis\.com\/?$/.test(apiEndpoint);
  const client = isGoogle
    ? new BigQuery({ ...plain, apiEndpoint })
    : new BigQuery({ ...plain, apiEndpoint, authClient: await anonymousClient() });
  // With BIGQUERY_EMULATOR_HOST in the environment, the client takes that as it is, without the path of the API.
  client.baseUrl = `${client.apiEndpoint}/bigquery/v2`;
  return client;
}

/** An answer, or a request without one: status 0. */
function toRefusal(thrown: unknown): BigQueryRefusal {
  const { status, message, reasons, retryAfterSeconds } = toClientFailure(thrown);
  if (/could not load the default credentials/i.test(message))
    return new BigQueryRefusal(401, { reason: "required", message });
  return new BigQueryRefusal(status, { reason: reasons[0] ?? "", message }, retryAfterSeconds);
}

/** Throws what can't be mended by asking again; waits before what can. */
async function rethrowOrBackOff(
  failure: BigQueryRefusal,
  waitMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (!isRetryable(failure)) throw toCommonFailure(failure);
  const pauseMs = waitMs === undefined ? undefined : retryInPlaceDelayMs(waitMs, failure.retryAfterSeconds);
  if (pauseMs === undefined) throw unavailable(failure.message, failure);
  await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/** A connection that broke says nothing of what became of the request. */
function isRetryable(failure: BigQueryRefusal): boolean {
  return failure.status === 0 || retryableStatuses.has(failure.status) || isTransient(failure);
}

function toCommonFailure(failure: BigQueryRefusal): Error {
  const isDenied = failure.status === 401 || (failure.status === 403 && failure.reason === "");
  const reason = isDenied ? "accessDenied" : failure.reason;
  return commonFailure({ reason, message: failure.message }, failure) ?? failure;
}
