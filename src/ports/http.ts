import type * as z from "zod";

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutSeconds: number;
  /** A larger answer is an error. */
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal;
  /** The secrets that it holds: they are sent to no other origin, and shown in no error. */
  readonly secrets?: RequestSecrets;
  /** False: a redirect is an answer like any other. Default true. */
  readonly followRedirects?: boolean;
}

export interface RequestSecrets {
  isIn(text: string): boolean;
  /** The text without them. */
  redact(text: string): string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** How long the answer asks to be left in peace (`Retry-After`); undefined: it does not ask. */
  readonly retryAfterSeconds: number | undefined;
  /** The address after redirects. */
  readonly url: string;
}

/**
 * Requests to the outside. Throws TaskErrors: `HTTP_FAILED` (retryable) when no answer came, and
 * `HTTP_ADDRESS_REFUSED` (not retryable) for private, loopback, link-local and metadata addresses,
 * redirects and DNS answers included, unless the configuration allows them.
 */
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>;
}

interface GoogleCall<Answer> {
  readonly method: "GET" | "POST";
  /** Below the endpoint, as the documentation has it: `/v1/projects/p/locations/l/jobs`. */
  readonly path: string;
  readonly body?: unknown;
  /** What the service answers. Anything else counts as no answer. */
  readonly answer: z.ZodType<Answer>;
  readonly signal: AbortSignal;
}

/** The REST interface of one of Google's services, called in the name of the environment's credentials. */
export interface GoogleRest {
  /** Throws a `GoogleApiError`, and the reason of the signal. */
  call<Answer>(call: GoogleCall<Answer>): Promise<Answer>;
}

/** A service did not do what it was asked for. Says nothing of what was sent. */
export class GoogleApiError extends Error {
  override readonly name = "GoogleApiError";
  /** The status of the answer; 0: no answer came, or one that is not the service's; 401: there are no credentials. */
  readonly code: number;
  /** How long the service asks to be left in peace. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: number,
    message: string,
    options: ErrorOptions & { retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
