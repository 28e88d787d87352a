import type * as z from "zod";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { truncate } from "../../core/values/text.ts";
import { GoogleApiError, type GoogleRest } from "../../ports/http.ts";
import { GoogleCredentials } from "./google-credentials.ts";
import { parseGoogleRetryAfter, type RemoteResponse, rootCauseMessage, sendRequest } from "./http-request.ts";
import { parseResponse, serviceStatus, UnexpectedResponseError } from "./service-response.ts";

export interface GoogleRestOptions {
  /** `https://cloudscheduler.googleapis.com`. */
  readonly service: string;
  /** In the service's place, such as a local server: it is sent no credentials. */
  readonly endpoint?: string | undefined;
  /** For a whole answer. Default: 15 seconds. */
  readonly timeoutMs?: number;
}

/** Calls of one service. The client of the credentials is loaded at the first, and keeps its token. */
export function googleRest({ service, endpoint, timeoutMs = 15_000 }: GoogleRestOptions): GoogleRest {
  const credentials = endpoint === undefined ? new GoogleCredentials() : undefined;
  return {
    async call({ method, path, body, answer: schema, signal }) {
      const url = `${endpoint ?? service}${path}`;
      const text = body === undefined ? undefined : JSON.stringify(body);
      const ask = async () => {
        const headers = { "content-type": "application/json", ...(await credentials?.headers()) };
        return rethrowAsRefusal(sendRequest({ url, method, headers, body: text, signal, timeoutMs }), signal);
      };
      const first = await ask();
      if (first.status !== 401) return parseResponseOrRefuse(first, schema);
      // The token may have run out, or been withdrawn, since it was fetched.
      credentials?.forget();
      return parseResponseOrRefuse(await ask(), schema);
    },
  };
}

async function rethrowAsRefusal(
  answer: Promise<RemoteResponse>,
  signal: AbortSignal,
): Promise<RemoteResponse> {
  try {
    return await answer;
  } catch (error) {
    signal.throwIfAborted();
    throw new GoogleApiError(0, `No answer came: ${rootCauseMessage(error)}`, { cause: error });
  }
}

/** What an answer says, if it is one of the service. */
function parseResponseOrRefuse<Parsed>(
  { status, headers, body }: RemoteResponse,
  schema: z.ZodType<Parsed>,
): Parsed {
  const json = tryParseJson(body) ?? body;
  if (status < 200 || status > 299) throw toGoogleRefusal(status, headers, json);
  try {
    return parseResponse(schema, json);
  } catch (error) {
    if (error instanceof UnexpectedResponseError)
      throw new GoogleApiError(0, error.message, { cause: error });
    throw error;
  }
}

function toGoogleRefusal(answeredStatus: number, headers: Headers, json: unknown): GoogleApiError {
  const status = serviceStatus(answeredStatus, json);
  const said = `It answered ${answeredStatus}: ${refusalReason(json)}`;
  const message = status === 0 ? `What came is not an answer of the service. ${said}` : said;
  return new GoogleApiError(status, message, { retryAfterSeconds: parseGoogleRetryAfter(headers, json) });
}

function refusalReason(json: unknown): string {
  const message = readField(readField(json, "error"), "message");
  const reason = typeof message === "string" ? message : typeof json === "string" ? json.trim() : "";
  return truncate(reason, limits.shownAnswerCharacters) || "no reason was given";
}

function readField(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
