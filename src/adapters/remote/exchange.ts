import { limits } from "../../core/limits.ts";
import { readBody } from "./read-body.ts";

interface Exchange {
  readonly url: string | URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
  readonly signal?: AbortSignal;
  /** For the whole answer. */
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/**
 * One request that bears credentials. Throws when no whole answer comes in time, when it is larger than
 * `limits.serviceAnswerBytes`, and when it is a redirect: what proves who we are must not go to another place.
 */
export async function exchange({ url, signal, timeoutMs, body, ...request }: Exchange): Promise<Answer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, {
    ...request,
    ...(body !== undefined && { body }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    redirect: "error",
  });
  const bytes = await readBody(response.body, limits.serviceAnswerBytes);
  if (!bytes) throw new Error(`the answer is larger than ${limits.serviceAnswerBytes} bytes`);
  return { status: response.status, headers: response.headers, body: new TextDecoder().decode(bytes) };
}
