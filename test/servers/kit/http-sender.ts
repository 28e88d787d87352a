import { Agent, request } from "undici";

export interface OutgoingRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string | undefined;
  /** No answer by then is no answer. Of real time. */
  readonly timeoutMs: number;
}

/** The status of the answer; or why there is none. */
export type SendOutcome =
  | { readonly kind: "answer"; readonly status: number }
  | { readonly kind: "no_answer"; readonly reason: string };

const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;

/** Sends a Google service's requests to a customer's endpoint, over kept connections. Follows no redirects. */
export class HttpSender {
  readonly #agent = new Agent({ connections: null, headersTimeout: 0, bodyTimeout: 0 });

  /** Never rejects. */
  async send({ url, method, headers, body, timeoutMs }: OutgoingRequest): Promise<SendOutcome> {
    const known = methods.find((name) => name === method);
    if (!known) return { kind: "no_answer", reason: `the method ${method} is not known` };
    const aborter = new AbortController();
    const timer = setTimeout(() => aborter.abort(new Error(`no answer in ${timeoutMs} ms`)), timeoutMs);
    try {
      const { statusCode, body: answer } = await request(url, {
        dispatcher: this.#agent,
        signal: aborter.signal,
        method: known,
        headers,
        body: body ?? null,
      });
      await answer.dump();
      return { kind: "answer", status: statusCode };
    } catch (error) {
      return { kind: "no_answer", reason: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** What is under way gets no answer. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}
