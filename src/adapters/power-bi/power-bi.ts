import * as z from "zod";
import { TaskError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { truncate } from "../../core/values/text.ts";
import type {
  DatasetName,
  PowerBi,
  Refresh,
  RefreshRequest,
  RefreshStart,
  RefreshState,
} from "../../ports/services.ts";
import {
  parseRetryAfter,
  type RemoteResponse,
  rootCauseMessage,
  sendRequest,
} from "../remote/http-request.ts";
import {
  AnyObjectSchema,
  notFromService,
  parseResponse,
  UnexpectedResponseError,
} from "../remote/service-response.ts";
import { type PowerBiCredentials, TokenSource } from "./token.ts";

const HistoryEntrySchema = z.object({
  requestId: z.string().optional(),
  refreshId: z.string().optional(),
  refreshType: z.string().default(""),
  status: z.string().default("Unknown"),
  extendedStatus: z.string().nullish(),
  startTime: z.string().nullish(),
  endTime: z.string().nullish(),
  serviceExceptionJson: z.string().nullish(),
});
type HistoryEntry = z.infer<typeof HistoryEntrySchema>;

/** The refresh history of a dataset. Entries without an id can't be identified and are ignored. */
const HistorySchema = z
  .object({ value: z.array(HistoryEntrySchema) })
  .transform(({ value }): Refresh[] => value.flatMap((entry) => toRefresh(entry) ?? []));

const states: Readonly<Record<string, RefreshState>> = {
  completed: "completed",
  succeeded: "completed",
  failed: "failed",
  timedout: "failed",
  disabled: "disabled",
  cancelled: "cancelled",
  canceled: "cancelled",
  inprogress: "running",
  notstarted: "running",
};

function toRefresh(entry: HistoryEntry): Refresh | undefined {
  const id = entry.requestId ?? entry.refreshId;
  if (id === undefined) return undefined;
  const state = toRefreshState(entry);
  return {
    id,
    state,
    enhanced: entry.refreshType.toLowerCase() === "viaenhancedapi",
    startTime: entry.startTime ?? undefined,
    endTime: entry.endTime ?? undefined,
    failure: state === "failed" ? toRefreshFailure(entry) : undefined,
  };
}

/** Power BI reports a running refresh as `Unknown`. An enhanced refresh has a more exact extended status. */
function toRefreshState({ status, extendedStatus, endTime }: HistoryEntry): RefreshState {
  const state = states[(extendedStatus ?? "").toLowerCase()] ?? states[status.toLowerCase()];
  return state ?? (endTime ? "failed" : "running");
}

const ExceptionSchema = z.object({
  errorCode: z.string().optional(),
  errorDescription: z.string().optional(),
});

/** The exception is usually JSON in a JSON string. */
function toRefreshFailure({
  serviceExceptionJson,
  status,
  extendedStatus,
}: HistoryEntry): Refresh["failure"] {
  const fallback = { code: extendedStatus ?? status, description: serviceExceptionJson ?? undefined };
  if (!serviceExceptionJson) return fallback;
  try {
    const { errorCode, errorDescription } = ExceptionSchema.parse(JSON.parse(serviceExceptionJson));
    return errorCode === undefined ? fallback : { code: errorCode, description: errorDescription };
  } catch {
    return fallback;
  }
}

const RefusalSchema = z.object({
  error: z
    .object({ code: z.string().optional(), message: z.string().optional() })
    .or(z.string().transform((code) => ({ code, message: undefined })))
    .optional(),
  message: z.string().optional(),
});

/** The code and the message of an error response, or its whole body. */
function errorMessageFromBody(body: string): string {
  try {
    const { error, message } = RefusalSchema.parse(JSON.parse(body));
    const parts = [error?.code, error?.message ?? message].filter((part) => part);
    return parts.length > 0 ? parts.join(": ") : body;
  } catch {
    return body;
  }
}

export interface PowerBiOptions extends PowerBiCredentials {
  /** Default: `https://api.powerbi.com`. */
  readonly apiEndpoint?: string | undefined;
}

const timeoutMs = 60_000;
/** The number of refreshes that Power BI keeps by default. */
const historyEntries = 60;

/** Calls Power BI's REST API as a service principal. */
export class PowerBiService implements PowerBi {
  readonly #endpoint: string;
  readonly #tokens: TokenSource;

  constructor(options: PowerBiOptions) {
    this.#endpoint = options.apiEndpoint ?? "https://api.powerbi.com";
    this.#tokens = new TokenSource(options);
  }

  async refreshes(dataset: DatasetName, signal: AbortSignal): Promise<readonly Refresh[]> {
    const operation = "GET refreshes";
    const response = await this.#send(
      operation,
      `${toRefreshesPath(dataset)}?$top=${historyEntries}`,
      "GET",
      undefined,
      signal,
    );
    if (!isSuccess(response)) throw toTaskError(operation, response);
    return withUnavailableError(operation, () =>
      parseResponse(HistorySchema, tryParseJson(response.body) ?? response.body),
    );
  }

  async start({ options, signal, ...dataset }: RefreshRequest): Promise<RefreshStart> {
    const operation = "POST refreshes";
    const response = await this.#send(operation, toRefreshesPath(dataset), "POST", options, signal);
    if (response.status === 202) return { kind: "started", id: readRefreshId(response.headers) };
    if (isSuccess(response)) throw unexpectedStatus(operation, response);
    if (isBusy(response)) return { kind: "busy" };
    throw toTaskError(operation, response);
  }

  async cancel(dataset: DatasetName, refresh: string, signal: AbortSignal): Promise<void> {
    const operation = "DELETE refresh";
    const path = `${toRefreshesPath(dataset)}/${encodeURIComponent(refresh)}`;
    const response = await this.#send(operation, path, "DELETE", undefined, signal);
    if (response.status === 200) return;
    throw isSuccess(response) ? unexpectedStatus(operation, response) : toTaskError(operation, response);
  }

  async #send(
    operation: string,
    path: string,
    method: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<RemoteResponse> {
    const send = async (isFresh: boolean): Promise<RemoteResponse> => {
      const authorization = `Bearer ${await this.#tokens.token({ isFresh })}`;
      const headers = { authorization, "content-type": "application/json" };
      const text = body === undefined ? undefined : JSON.stringify(body);
      const url = `${this.#endpoint}${path}`;
      try {
        return await sendRequest({ url, method, headers, body: text, signal, timeoutMs });
      } catch (error) {
        signal.throwIfAborted();
        throw unavailable(`${operation}: no response: ${rootCauseMessage(error)}`);
      }
    };
    const first = await send(false);
    // The token may have expired or been revoked since it was fetched.
    const response = isTokenRefused(first) ? await send(true) : first;
    withUnavailableError(operation, () => assertFromPowerBi(response));
    return response;
  }
}

/** Error responses of Power BI are JSON or empty. Other text is the page of a proxy. */
function assertFromPowerBi({ status, body }: RemoteResponse): void {
  if (status < 500 && body !== "") parseResponse(AnyObjectSchema, tryParseJson(body) ?? body);
}

function withUnavailableError<Parsed>(operation: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    throw error instanceof UnexpectedResponseError ? unavailable(`${operation}: ${error.message}`) : error;
  }
}

function toRefreshesPath({ workspace, dataset }: DatasetName): string {
  return `/v1.0/myorg/groups/${encodeURIComponent(workspace)}/datasets/${encodeURIComponent(dataset)}/refreshes`;
}

/** The id of an enhanced refresh is in `Location`. That of any other refresh is the id of the request. */
function readRefreshId(headers: Headers): string | undefined {
  const enhancedId = /\/refreshes\/([^/?]+)/.exec(headers.get("location") ?? "")?.[1];
  return enhancedId ?? headers.get("requestid") ?? headers.get("x-ms-request-id") ?? undefined;
}

function isSuccess({ status }: RemoteResponse): boolean {
  return status >= 200 && status <= 299;
}

/** A success status that Power BI never sends. Whether the request was carried out is unknown. */
function unexpectedStatus(operation: string, { status }: RemoteResponse): TaskError {
  return unavailable(`${operation}: ${notFromService}: its status is ${status}`);
}

function unavailable(message: string): TaskError {
  return new TaskError(message, { code: "POWER_BI_UNAVAILABLE" });
}

/** The daily limit, which Power BI reports with 400 or 429. A retry after minutes does not help. */
const dailyLimitReached =
  /refresh requests in last 24 hours|refresh.*(exceeded|reached).*limit|limit.*refresh.*(exceeded|reached)/i;
const alreadyRunning =
  /refresh (request|operation) is already (executing|in progress|running)|already in progress/i;

/** Whether Power BI refused the refresh because another one is running. */
function isBusy({ status, body }: RemoteResponse): boolean {
  return status === 409 || (status === 400 && alreadyRunning.test(body));
}

/**
 * Whether a fresh token may help. 403 alone does not mean this: a principal without the permission gets it too.
 */
function isTokenRefused({ status, body }: RemoteResponse): boolean {
  return status === 401 || (status === 403 && /TokenExpired/i.test(body));
}

/** The error of the task for an error response. `operation` is shown, and holds no secrets. */
function toTaskError(operation: string, response: RemoteResponse): TaskError {
  const { status, body } = response;
  const reason = truncate(errorMessageFromBody(body), limits.shownAnswerCharacters);
  const message = `${operation} answered ${status}: ${reason}`;
  const final = (code: string, advice: string) =>
    new TaskError(`${message}. ${advice}`, { code, retryable: false });
  if ((status === 400 || status === 429) && dailyLimitReached.test(body))
    return final(
      "POWER_BI_REFRESH_LIMIT",
      "All refreshes of this day are used up; scheduled refreshes count too",
    );
  if (status === 401 || status === 403)
    return final(
      "POWER_BI_DENIED",
      "Allow service principals to use Power BI APIs (a tenant setting), and add this one to the workspace",
    );
  if (status === 404)
    return final("POWER_BI_DATASET_UNKNOWN", "Check the ids of the workspace and the dataset");
  if (status === 408 || status === 429 || status >= 500)
    return new TaskError(message, {
      code: "POWER_BI_UNAVAILABLE",
      retryAfterSeconds: parseRetryAfter(response.headers),
    });
  return final("POWER_BI_REFUSED", "Correct the parameters");
}
