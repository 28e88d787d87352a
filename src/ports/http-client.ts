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
  blank(text: string): string;
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
