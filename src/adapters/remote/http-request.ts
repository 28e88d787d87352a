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
  /** For the whole response, body included. */
  readonly timeoutMs: number;
}

export interface RemoteResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * Sends one request that carries credentials. Throws if the response is not complete in time, is larger than
 * `limits.serviceAnswerBytes`, or is a redirect: credentials must not be sent to another host.
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

/** Reads a decompressed body. Returns undefined, and stops reading, if it is larger than `maxBytes`. */
export async function readLimitedBody(
  body: AsyncIterable<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Decompressed bytes are counted: a small compressed response may be a large one.
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/**
 * Why a request failed. fetch wraps the error of the connection, and one host may have been tried at several addresses.
 */
export function rootCauseMessage(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCauseMessage(error.errors[0]);
  return error instanceof Error && error.cause !== undefined
    ? rootCauseMessage(error.cause)
    : errorMessage(error);
}

/** The seconds that a response asks its client to wait (`Retry-After`). */
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

/** The same for an error of one of Google's services, which may name the delay in its JSON instead of its headers. */
export function parseGoogleRetryAfter(headers: Pick<Headers, "get">, body: unknown): number | undefined {
  const details = RetryInfoSchema.safeParse(body).data?.error.details ?? [];
  const info = details.find((one) => one["@type"].endsWith("/google.rpc.RetryInfo"));
  return parseRetryAfter(headers) ?? parseRetryDelaySeconds(info?.retryDelay ?? "");
}

/**
 * Milliseconds until an adapter repeats a call: its own back-off, or longer if the service asks for more. Undefined if
 * the service asks for more than `limits.retryInPlaceSeconds`: then the call fails, and its task is retried later.
 */
export function retryInPlaceDelayMs(
  backoffMs: number,
  retryAfterSeconds: number | undefined,
): number | undefined {
  const requested = retryAfterSeconds ?? 0;
  return requested > limits.retryInPlaceSeconds ? undefined : Math.max(backoffMs, requested * 1_000);
}
