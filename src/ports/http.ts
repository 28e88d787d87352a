import type * as z from "zod";

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutSeconds: number;
  /** A larger response is an error. */
  readonly maxResponseBytes: number;
  readonly signal: AbortSignal;
  /** The secrets in the request. They are sent to no other origin and shown in no error. */
  readonly secrets?: RequestSecrets;
  /** Default true. If false, a redirect is returned like any other response. */
  readonly followRedirects?: boolean;
}

export interface RequestSecrets {
  isIn(text: string): boolean;
  /** The text with a placeholder in place of each secret. */
  redact(text: string): string;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The `Retry-After` of the response. */
  readonly retryAfterSeconds: number | undefined;
  /** The URL after redirects. */
  readonly url: string;
}

/**
 * Requests to other systems. Throws TaskErrors: `HTTP_FAILED` (retryable) if there was no response, and
 * `HTTP_ADDRESS_REFUSED` (not retryable) for private, loopback, link-local and metadata addresses, also after a
 * redirect or a DNS lookup, unless the configuration allows them.
 */
export interface HttpClient {
  request(request: HttpRequest): Promise<HttpResponse>;
}

interface GoogleCall<Result> {
  readonly method: "GET" | "POST";
  /** The path as in Google's documentation: `/v1/projects/p/locations/l/jobs`. */
  readonly path: string;
  readonly body?: unknown;
  /** Schema of the response. A response that does not match counts as none. */
  readonly answer: z.ZodType<Result>;
  readonly signal: AbortSignal;
}

/** The REST interface of one of Google's services, called with the credentials of the environment. */
export interface GoogleRest {
  /** Throws a `GoogleApiError`, and the reason of the signal. */
  call<Result>(call: GoogleCall<Result>): Promise<Result>;
}

/** A failed call of a Google service. Its message holds nothing of the request. */
export class GoogleApiError extends Error {
  override readonly name = "GoogleApiError";
  /** The HTTP status. 0: there was no response, or it was not the service's own; 401: there are no credentials. */
  readonly code: number;
  /** The wait that the service asks for. */
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
