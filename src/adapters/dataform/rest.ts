import { messageOf, TaskError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";

export interface DataformOptions {
  /** Default `https://dataform.googleapis.com`. With one of its own no credentials are sent. */
  readonly apiEndpoint?: string | undefined;
}

export interface RestCall {
  readonly method: "GET" | "POST";
  /** A resource name, perhaps with a `:verb`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** A compilation is answered when it is done. */
const timeoutSeconds = 180;
const scopes = ["https://www.googleapis.com/auth/cloud-platform"];

type Headers = () => Promise<Record<string, string>>;

/** Calls of the REST API, with the credentials of the environment. */
export class DataformRest {
  readonly #endpoint: string;
  readonly #headers: Headers;

  constructor({ apiEndpoint }: DataformOptions) {
    this.#endpoint = apiEndpoint ?? "https://dataform.googleapis.com";
    this.#headers = apiEndpoint === undefined ? applicationCredentials() : async () => ({});
  }

  /** The answer's JSON. Throws `DATAFORM_DENIED`, `DATAFORM_REFUSED` and `DATAFORM_UNAVAILABLE`. */
  async call({ method, path, query = {}, body, signal }: RestCall): Promise<unknown> {
    const url = new URL(`${this.#endpoint}/v1/${path.split("/").map(encodeSegment).join("/")}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value);
    const what = `${method} ${path}`;
    const response = await this.#send(what, url, method, body, signal);
    if (response.status >= 200 && response.status <= 299) return response.json;
    throw refusal(what, response);
  }

  async #send(what: string, url: URL, method: string, body: unknown, signal: AbortSignal): Promise<Answer> {
    const headers = { ...(await this.#credentials()), "content-type": "application/json" };
    try {
      const response = await fetch(url, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutSeconds * 1_000)]),
      });
      return { status: response.status, json: parsed(await response.text()) };
    } catch (error) {
      signal.throwIfAborted();
      throw new TaskError(`${what}: no answer came: ${rootMessageOf(error)}`, {
        code: "DATAFORM_UNAVAILABLE",
      });
    }
  }

  async #credentials(): Promise<Record<string, string>> {
    try {
      return await this.#headers();
    } catch (error) {
      throw new TaskError(`There are no credentials for Dataform: ${messageOf(error)}`, {
        code: "DATAFORM_DENIED",
        retryable: false,
      });
    }
  }
}

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/** The client of the credentials is loaded at the first call, and keeps its token. */
function applicationCredentials(): Headers {
  const load = async () => {
    const { GoogleAuth } = await import("google-auth-library");
    return new GoogleAuth({ scopes });
  };
  let auth: ReturnType<typeof load> | undefined;
  return async () => {
    auth ??= load();
    return Object.fromEntries(await (await auth).getRequestHeaders());
  };
}

/** The `:` of a verb stays as it is. */
function encodeSegment(segment: string): string {
  return segment.split(":").map(encodeURIComponent).join(":");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function refusal(what: string, { status, json }: Answer): TaskError {
  const message = `${what} answered ${status}: ${saidIn(json)}`;
  if (status === 401 || status === 403)
    return new TaskError(message, { code: "DATAFORM_DENIED", retryable: false });
  if (status === 408 || status === 429 || status >= 500)
    return new TaskError(message, { code: "DATAFORM_UNAVAILABLE" });
  return new TaskError(message, { code: "DATAFORM_REFUSED", retryable: false });
}

/** Google's services answer `{ error: { message } }`. */
function saidIn(json: unknown): string {
  const error = fieldOf(json, "error");
  const message = fieldOf(error, "message");
  const text = typeof message === "string" ? message : JSON.stringify(json);
  return text.slice(0, limits.shownAnswerCharacters);
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** fetch wraps what the connection threw. */
function rootMessageOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? rootMessageOf(error.cause) : messageOf(error);
}
