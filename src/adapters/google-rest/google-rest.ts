import { messageOf } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { GoogleRefusal, type GoogleRest } from "../../ports/google-rest.ts";
import { Credentials } from "./credentials.ts";

export interface GoogleRestOptions {
  /** `https://cloudscheduler.googleapis.com`. */
  readonly service: string;
  /** In the service's place, such as a local server: it is sent no credentials. */
  readonly endpoint?: string | undefined;
}

const timeoutMs = 15_000;

/** Calls of one service. The client of the credentials is loaded at the first, and keeps its token. */
export function googleRest({ service, endpoint }: GoogleRestOptions): GoogleRest {
  const credentials = endpoint === undefined ? new Credentials() : undefined;
  return {
    async call({ method, path, body, signal }) {
      const headers = { "content-type": "application/json", ...(await credentials?.headers()) };
      const answer = await send(`${endpoint ?? service}${path}`, {
        method,
        headers,
        signal,
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      if (answer.status >= 200 && answer.status <= 299) return answer.json;
      throw new GoogleRefusal(answer.status, `It answered ${answer.status}: ${saidIn(answer.json)}`);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

async function send(url: string, request: RequestInit & { readonly signal: AbortSignal }): Promise<Answer> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs)]);
  try {
    // Credentials must not follow a redirect to another host.
    const response = await fetch(url, { ...request, signal, redirect: "error" });
    return { status: response.status, json: parsed(await response.text()) };
  } catch (error) {
    request.signal.throwIfAborted();
    throw new GoogleRefusal(0, `No answer came: ${rootMessageOf(error)}`, error);
  }
}

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Google's services answer `{ error: { message } }`. */
function saidIn(json: unknown): string {
  const message = fieldOf(fieldOf(json, "error"), "message");
  return typeof message === "string" ? message.slice(0, limits.shownAnswerCharacters) : "no reason was given";
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** fetch wraps what the connection threw. */
function rootMessageOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? rootMessageOf(error.cause) : messageOf(error);
}
