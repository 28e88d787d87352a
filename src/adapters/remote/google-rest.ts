import type * as z from "zod";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { truncate } from "../../core/values/text.ts";
import { GoogleApiError, type GoogleRest } from "../../ports/http.ts";
import { GoogleCredentials } from "./google-credentials.ts";
import { parseGoogleRetryAfter, type RemoteResponse, rootCauseMessage, sendRequest } from "./http-request.ts";
import { notFromService, parseResponse, serviceStatus, UnexpectedResponseError } from "./service-response.ts";

export interface GoogleRestOptions {
  /** `https://cloudscheduler.googleapis.com`. */
  readonly service: string;
  /** Replaces the service, for example by a local server. No credentials are sent to it. */
  readonly endpoint?: string | undefined;
  /** For a whole response. Default: 15 seconds. */
  readonly timeoutMs?: number;
}

/**
 * A client for the REST interface of one service. Credentials are loaded at the first call, and their token is kept.
 */
export function googleRest({ service, endpoint, timeoutMs = 15_000 }: GoogleRestOptions): GoogleRest {
  const credentials = endpoint === undefined ? new GoogleCredentials() : undefined;
  return {
    async call({ method, path, body, answer: schema, signal }) {
      const url = `${endpoint ?? service}${path}`;
      const text = body === undefined ? undefined : JSON.stringify(body);
      const send = async () => {
        const headers = { "content-type": "application/json", ...(await credentials?.headers()) };
        return rethrowAsRefusal(sendRequest({ url, method, headers, body: text, signal, timeoutMs }), signal);
      };
      const first = await send();
      if (first.status !== 401) return parseResponseOrRefuse(first, schema);
      // The token may have expired or been revoked since it was fetched.
      credentials?.discardToken();
      return parseResponseOrRefuse(await send(), schema);
    },
  };
}

async function rethrowAsRefusal(
  response: Promise<RemoteResponse>,
  signal: AbortSignal,
): Promise<RemoteResponse> {
  try {
    return await response;
  } catch (error) {
    signal.throwIfAborted();
    throw new GoogleApiError(0, `No answer came: ${rootCauseMessage(error)}`, { cause: error });
  }
}

/** Throws a `GoogleApiError` for an error, and for a response that is not from the service. */
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

function toGoogleRefusal(responseStatus: number, headers: Headers, json: unknown): GoogleApiError {
  const status = serviceStatus(responseStatus, json);
  const reason = `It answered ${responseStatus}: ${refusalReason(json)}`;
  const message = status === 0 ? `${notFromService}. ${reason}` : reason;
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
