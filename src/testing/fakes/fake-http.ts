import { BatonError } from "../../core/errors/errors.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "../../ports/http.ts";

/** A request as a fake sees it. */
export interface FakeRequest extends Pick<HttpRequest, "method" | "url" | "headers" | "body"> {
  /** The body, parsed. Undefined if it is not JSON. */
  readonly json: unknown;
}

/** What a fake answers. An object that is not text is sent as JSON. */
export interface FakeAnswer {
  /** Default 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

type Answer = FakeAnswer | ((request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>);

/**
 * Answers HTTP requests: one function for all, or answers by `"GET https://example.com/rates"`. A name that ends in `*`
 * fits every URL that begins with it.
 */
export type HttpFake =
  | ((request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>)
  | Readonly<Record<string, Answer>>;

/** Sends no request: the fake answers. Throws `TEST_SERVICE_NOT_FAKED` for a request that it does not know. */
export function httpOf(fake: HttpFake | undefined, defaultAnswer: FakeAnswer | undefined): HttpClient {
  return {
    async request(request) {
      request.signal?.throwIfAborted();
      const answer = findAnswer(fake, request) ?? defaultAnswer;
      if (!answer) throw notFaked(request);
      return toResponse(request, await (typeof answer === "function" ? answer(toFake(request)) : answer));
    },
  };
}

function findAnswer(fake: HttpFake | undefined, { method, url }: HttpRequest): Answer | undefined {
  if (fake === undefined || typeof fake === "function") return fake;
  const asked = `${method} ${url}`;
  const names = Object.keys(fake).filter((name) =>
    name.endsWith("*") ? asked.startsWith(name.slice(0, -1)) : asked === name,
  );
  const [longest] = names.sort((one, other) => other.length - one.length);
  return longest === undefined ? undefined : fake[longest];
}

function toFake({ method, url, headers, body }: HttpRequest): FakeRequest {
  return { method, url, headers, body, json: parse(body) };
}

function parse(body: string | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body);
  } catch {
    return undefined;
  }
}

function toResponse(
  { url }: HttpRequest,
  { status = 200, headers = {}, body = "" }: FakeAnswer,
): HttpResponse {
  const isText = typeof body === "string";
  const type = isText ? {} : { "content-type": "application/json" };
  const retryAfter = Number(headers["retry-after"]);
  return {
    status,
    headers: { ...type, ...headers },
    body: isText ? body : JSON.stringify(body),
    retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
    url,
  };
}

function notFaked({ method, url }: HttpRequest): BatonError {
  return new BatonError("TEST_SERVICE_NOT_FAKED", `The test has no answer for ${method} ${url}`, {
    remedy: `Give the test one: http: { "${method} ${url}": { body: { … } } }.`,
  });
}
