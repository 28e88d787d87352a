import * as z from "zod";
import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { parseRetryAfterSeconds, parseRetryDelaySeconds } from "../../core/retry.ts";

interface RemoteRequest {
  readonly url: string | URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal;
  /** For the whole answer. */
  readonly timeoutMs: number;
}

export interface RemoteResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * One request that bears credentials. Throws when no whole answer comes in time, when it is larger than
 * `limits.serviceAnswerBytes`, and when it is a redirect: what proves who we are must not go to another place.
 */
export async function sendRequest({
  url,
  signal,
  timeoutMs,
  body,
  ...request
}: RemoteRequest): Promise<RemoteResponse> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, {
    ...request,
    ...(body !== undefined && { body }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    redirect: "error",
  });
  const bytes = await readLimitedBody(response.body, limits.serviceAnswerBytes);
  if (!bytes) throw new Error(`the answer is larger than ${limits.serviceAnswerBytes} bytes`);
  return { status: response.status, headers: response.headers, body: new TextDecoder().decode(bytes) };
}

/** A whole body of an answer, unpacked; undefined when it is larger than so many bytes: then the rest is not read. */
export async function readLimitedBody(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // What is counted is unpacked: a small compressed answer may be a large one.
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** Why a request got no answer: fetch wraps what the connection threw, and a host may have been tried at several addresses. */
export function rootCauseMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCauseMessage(error.errors[0]);
  return error instanceof Error && error.cause !== undefined
    ? rootCauseMessage(error.cause)
    : errorMessage(error);
}

/** Seconds that the headers of an answer ask to be left in peace. */
export function parseRetryAfter(headers: Pick<Headers, "get">): number | undefined {
  const asked = { retryAfter: headers.get("retry-after"), date: headers.get("date") };
  return parseRetryAfterSeconds(asked, Date.now());
}

const RetryInfoSchema = z.object({
  error: z.object({
    details: z.array(
      z.object({ "@type": z.string().catch(""), retryDelay: z.string().optional().catch(undefined) }),
    ),
  }),
});

/** The same, of a refusal of Google's: its JSON may say it where its headers don't. */
export function parseGoogleRetryAfter(headers: Pick<Headers, "get">, body: unknown): number | undefined {
  const details = RetryInfoSchema.safeParse(body).data?.error.details ?? [];
  const info = details.find((one) => one["@type"].endsWith("/google.rpc.RetryInfo"));
  return parseRetryAfter(headers) ?? parseRetryDelaySeconds(info?.retryDelay ?? "");
}

/**
 * Milliseconds until a call is sent again: those that its adapter would wait, or that the service asks for. Undefined
 * when the service asks for more than is waited in place: then the call fails, and its task waits.
 */
export function retryInPlaceDelayMs(ownWaitMs: number, askedSeconds: number | undefined): number | undefined {
  const asked = askedSeconds ?? 0;
  return asked > limits.retryInPlaceSeconds ? undefined : Math.max(ownWaitMs, asked * 1_000);
}
