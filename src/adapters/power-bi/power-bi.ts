import { TaskError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { truncate } from "../../core/values/text.ts";
import type { DatasetName, PowerBi, Refresh, RefreshRequest, RefreshStart } from "../../ports/services.ts";
import {
  parseRetryAfter,
  type RemoteResponse,
  rootCauseMessage,
  sendRequest,
} from "../remote/http-request.ts";
import { AnyObjectSchema, parseResponse, UnexpectedResponseError } from "../remote/service-response.ts";
import { errorMessageFromBody, HistorySchema } from "./power-bi-responses.ts";
import { type PowerBiCredentials, TokenSource } from "./token.ts";

export interface PowerBiOptions extends PowerBiCredentials {
  /** Default `https://api.powerbi.com`. */
  readonly apiEndpoint?: string | undefined;
}

const timeoutMs = 60_000;
/** As many as Power BI keeps by default. */
const historyEntries = 60;

/** Power BI by its REST API, as a service principal. */
export class PowerBiService implements PowerBi {
  readonly #endpoint: string;
  readonly #tokens: TokenSource;

  constructor(options: PowerBiOptions) {
    this.#endpoint = options.apiEndpoint ?? "https://api.powerbi.com";
    this.#tokens = new TokenSource(options);
  }

  async refreshes(dataset: DatasetName, signal: AbortSignal): Promise<readonly Refresh[]> {
    const what = "GET refreshes";
    const answer = await this.#send(
      what,
      `${toRefreshesPath(dataset)}?$top=${historyEntries}`,
      "GET",
      undefined,
      signal,
    );
    if (!isSuccess(answer)) throw toTaskError(what, answer);
    return withUnavailableError(what, () =>
      parseResponse(HistorySchema, tryParseJson(answer.body) ?? answer.body),
    );
  }

  async start({ options, signal, ...dataset }: RefreshRequest): Promise<RefreshStart> {
    const what = "POST refreshes";
    const answer = await this.#send(what, toRefreshesPath(dataset), "POST", options, signal);
    if (answer.status === 202) return { kind: "started", id: readRefreshId(answer.headers) };
    if (isSuccess(answer)) throw unexpectedStatus(what, answer);
    if (isBusy(answer)) return { kind: "busy" };
    throw toTaskError(what, answer);
  }

  async cancel(dataset: DatasetName, refresh: string, signal: AbortSignal): Promise<void> {
    const what = "DELETE refresh";
    const path = `${toRefreshesPath(dataset)}/${encodeURIComponent(refresh)}`;
    const answer = await this.#send(what, path, "DELETE", undefined, signal);
    if (answer.status === 200) return;
    throw isSuccess(answer) ? unexpectedStatus(what, answer) : toTaskError(what, answer);
  }

  async #send(
    what: string,
    path: string,
    method: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<RemoteResponse> {
    const ask = async (isFresh: boolean): Promise<RemoteResponse> => {
      const authorization = `Bearer ${await this.#tokens.token({ isFresh })}`;
      const headers = { authorization, "content-type": "application/json" };
      const text = body === undefined ? undefined : JSON.stringify(body);
      const url = `${this.#endpoint}${path}`;
      try {
        return await sendRequest({ url, method, headers, body: text, signal, timeoutMs });
      } catch (error) {
        signal.throwIfAborted();
        throw unavailable(`${what}: no answer came: ${rootCauseMessage(error)}`);
      }
    };
    const first = await ask(false);
    // The token may have run out, or been withdrawn, since it was fetched.
    const answer = isTokenRefused(first) ? await ask(true) : first;
    return withUnavailableError(what, () => assertFromPowerBi(answer));
  }
}

/** Power BI refuses with JSON or with no words at all; other text is the page of a proxy. */
function assertFromPowerBi(answer: RemoteResponse): RemoteResponse {
  if (answer.status < 500 && answer.body !== "")
    parseResponse(AnyObjectSchema, tryParseJson(answer.body) ?? answer.body);
  return answer;
}

function withUnavailableError<Parsed>(what: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    throw error instanceof UnexpectedResponseError ? unavailable(`${what}: ${error.message}`) : error;
  }
}

function toRefreshesPath({ workspace, dataset }: DatasetName): string {
  return `/v1.0/myorg/groups/${encodeURIComponent(workspace)}/datasets/${encodeURIComponent(dataset)}/refreshes`;
}

/** An enhanced refresh is named by the address of what was made, every refresh by the id of the request. */
function readRefreshId(headers: Headers): string | undefined {
  const made = /\/refreshes\/([^/?]+)/.exec(headers.get("location") ?? "")?.[1];
  return made ?? headers.get("requestid") ?? headers.get("x-ms-request-id") ?? undefined;
}

function isSuccess({ status }: RemoteResponse): boolean {
  return status >= 200 && status <= 299;
}

/** A success that the service does not answer with: whether it was done is open. */
function unexpectedStatus(what: string, { status }: RemoteResponse): TaskError {
  return unavailable(`${what}: What came is not an answer of the service: its status is ${status}`);
}

function unavailable(message: string): TaskError {
  return new TaskError(message, { code: "POWER_BI_UNAVAILABLE" });
}

/** Said with 400, and with 429 as well: the limit of a day, which no waiting of minutes helps against. */
const dailyLimitReached =
  /refresh requests in last 24 hours|refresh.*(exceeded|reached).*limit|limit.*refresh.*(exceeded|reached)/i;
const alreadyRunning =
  /refresh (request|operation) is already (executing|in progress|running)|already in progress/i;

/** Whether a refresh was refused because another one runs. */
function isBusy({ status, body }: RemoteResponse): boolean {
  return status === 409 || (status === 400 && alreadyRunning.test(body));
}

/**
 * Whether the token was not taken, which another may be. A principal that may not do it is refused with 403 as well.
 */
function isTokenRefused({ status, body }: RemoteResponse): boolean {
  return status === 401 || (status === 403 && /TokenExpired/i.test(body));
}

/** What an answer that is no success means for the task. `what` is shown; it holds no secrets. */
function toTaskError(what: string, answer: RemoteResponse): TaskError {
  const { status, body } = answer;
  const message = `${what} answered ${status}: ${truncate(errorMessageFromBody(body), limits.shownAnswerCharacters)}`;
  const final = (code: string, advice: string) =>
    new TaskError(`${message}. ${advice}`, { code, retryable: false });
  if ((status === 400 || status === 429) && dailyLimitReached.test(body))
    return final("POWER_BI_REFRESH_LIMIT", "The refreshes of the day are used up, scheduled ones included");
  if (status === 401 || status === 403)
    return final(
      "POWER_BI_DENIED",
      "Let service principals use the Power BI APIs (a tenant setting), and make this one a member of the workspace",
    );
  if (status === 404)
    return final("POWER_BI_DATASET_UNKNOWN", "Check the ids of the workspace and the dataset");
  if (status === 408 || status === 429 || status >= 500)
    return new TaskError(message, {
      code: "POWER_BI_UNAVAILABLE",
      retryAfterSeconds: parseRetryAfter(answer.headers),
    });
  return final("POWER_BI_REFUSED", "Correct the parameters");
}
