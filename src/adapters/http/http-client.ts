import { Agent, fetch, type Response } from "undici";
import { TaskError } from "../../core/errors/errors.ts";
import { redactUrl } from "../../core/values/text.ts";
import type { HttpClient, HttpRequest, HttpResponse, RequestSecrets } from "../../ports/http.ts";
import { parseRetryAfter, readLimitedBody, rootCauseMessage } from "../remote/http-request.ts";
import { addressRefused, type Guard, guardedConnector, publicAddressesOnly } from "./guard.ts";

/**
 * What bounds the requests of tasks.
 * @public docs/limits.md
 */
export const httpLimits = {
  /** Redirects that a request of a task follows. */
  redirects: 5,
} as const;

export interface GuardedHttpClientOptions {
  /** Whether private, loopback and metadata addresses may be reached too. */
  readonly allowPrivate: boolean;
  /** Default: the system's resolver, and public addresses only. */
  readonly guard?: Guard;
}

/** fetch's error for ports of other protocols, such as SMTP. */
const blockedPort = "bad port";
/** The request's own timeout covers headers and body, so undici's limits are off. */
const agentOptions = { headersTimeout: 0, bodyTimeout: 0 };

/** HTTP for tasks. It follows at most five redirects, and guards every connection. */
export class GuardedHttpClient implements HttpClient {
  readonly #agent: Agent;

  constructor({ allowPrivate, guard = publicAddressesOnly }: GuardedHttpClientOptions) {
    this.#agent = new Agent(
      allowPrivate ? agentOptions : { ...agentOptions, connect: guardedConnector(guard) },
    );
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    const timeout = AbortSignal.timeout(request.timeoutSeconds * 1_000);
    const signal = AbortSignal.any([request.signal, timeout]);
    try {
      return await this.#follow(request, signal);
    } catch (error) {
      request.signal.throwIfAborted();
      const where = `${request.method} ${redactUrl(request.url)}`;
      if (timeout.aborted)
        throw httpFailed(`${where}: no complete response within ${request.timeoutSeconds} s`, true);
      const reason = rootCauseMessage(error);
      const shown = request.secrets?.redact(reason) ?? reason;
      // The error's other fields may show more of the request than its message.
      const cause = request.secrets ? undefined : error;
      throw findTaskError(error) ?? httpFailed(`${where}: ${shown}`, reason !== blockedPort, cause);
    }
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #follow(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const { method, headers, body } = request;
    assertHeaders(headers);
    let hop: Hop = { url: parseUrl(request.url), method, headers, body };
    for (let redirects = 0; ; redirects += 1) {
      assertUrl(hop.url);
      const response = await this.#send(hop, signal);
      const location = response.headers.get("location");
      const isFollowed =
        request.followRedirects !== false && isRedirect(response.status) && location !== null;
      if (!isFollowed) return await toHttpResponse(response, hop, request);
      await response.body?.cancel();
      if (redirects === httpLimits.redirects)
        throw httpFailed(
          `${method} ${redactUrl(request.url)}: more than ${httpLimits.redirects} redirects`,
          false,
        );
      const target = parseUrl(location, hop.url);
      const next = redirectedHop(hop, response.status, target, request.secrets);
      if (!next)
        throw httpFailed(
          `${method} ${redactUrl(hop.url.href)} was redirected to ${redactUrl(target.href)}, which would ` +
            "receive a secret; use the final URL",
          false,
        );
      hop = next;
    }
  }

  #send(hop: Hop, signal: AbortSignal): Promise<Response> {
    const { method, headers, body } = hop;
    return fetch(hop.url, {
      method,
      headers,
      body: body ?? null,
      signal,
      redirect: "manual",
      dispatcher: this.#agent,
    });
  }
}

async function toHttpResponse(response: Response, hop: Hop, request: HttpRequest): Promise<HttpResponse> {
  const { maxResponseBytes } = request;
  const bytes = await readLimitedBody(response.body, maxResponseBytes);
  const where = `${hop.method} ${redactUrl(hop.url.href)}`;
  if (!bytes) throw httpFailed(`${where}: the answer is larger than ${maxResponseBytes} bytes`, false);
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: new TextDecoder().decode(bytes),
    retryAfterSeconds: parseRetryAfter(response.headers),
    url: hop.url.href,
  };
}

function parseUrl(text: string, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (!url) throw httpFailed("The address is not a URL", false);
  return url;
}

function assertUrl(url: URL): void {
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw addressRefused(redactUrl(url.href), "only http and https are supported");
  if (url.username !== "" || url.password !== "")
    throw httpFailed(
      `${redactUrl(url.href)}: a URL must not hold a user or password; send an Authorization header`,
      false,
    );
}

/** Checked here, because fetch's errors would show the value. */
function assertHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) throw httpFailed("A request header has an invalid name", false);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value))
      throw httpFailed(`The request header ${name} has an invalid value`, false);
  }
}

function httpFailed(message: string, retryable: boolean, cause?: unknown): TaskError {
  return new TaskError(message, { code: "HTTP_FAILED", retryable, cause });
}

/** fetch wraps the error of the connection. */
function findTaskError(error: unknown): TaskError | undefined {
  if (error instanceof TaskError) return error;
  return error instanceof Error && error.cause !== undefined ? findTaskError(error.cause) : undefined;
}

/** The parts of a request that a redirect may change. */
type Hop = Pick<HttpRequest, "method" | "body" | "headers"> & { readonly url: URL };

/** Headers that may be sent to another origin. Headers that may hold credentials are not among them. */
const crossOriginHeaders: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "idempotency-key",
  "user-agent",
]);
const bodyHeaders: ReadonlySet<string> = new Set(["content-type", "content-length", "content-encoding"]);

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/**
 * The request after a redirect, by the rules of fetch, but with fewer headers for another origin. Undefined if its body
 * or URL would send a secret to another origin.
 */
function redirectedHop(hop: Hop, status: number, url: URL, secrets?: RequestSecrets): Hop | undefined {
  const dropsBody = (status === 303 && hop.method !== "HEAD") || (status < 303 && hop.method === "POST");
  const sameOrigin = url.origin === hop.url.origin;
  const maySend = (text: string) => sameOrigin || !secrets?.isIn(text);
  const body = dropsBody ? undefined : hop.body;
  if (!maySend(url.href) || !maySend(body ?? "")) return undefined;
  const headers = Object.entries(hop.headers).filter(([name, value]) => {
    const lower = name.toLowerCase();
    const isSent = (sameOrigin || crossOriginHeaders.has(lower)) && maySend(value);
    return isSent && !(dropsBody && bodyHeaders.has(lower));
  });
  return { url, method: dropsBody ? "GET" : hop.method, body, headers: Object.fromEntries(headers) };
}
