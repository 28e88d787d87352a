import { setTimeout as sleep } from "node:timers/promises";
import { jsonIn } from "../../core/json.ts";
import { clientErrorOf, clientFailureOf } from "../remote/client-failure.ts";
import { rootMessageOf, waitBeforeRepeating } from "../remote/exchange.ts";
import { Credentials, withFreshCredentials } from "../remote/google-credentials.ts";
import type { BigQueryOptions } from "./api.ts";
import { refusal, unavailable } from "./errors.ts";

const retryWaitsMs = [100, 400, 1_600];
const defaultTimeoutMs = 60_000;

/** Reads files of Cloud Storage before BigQuery does, to see what BigQuery would guess at, or say in other words. */
export class ObjectBytes {
  readonly #endpoint: string;
  readonly #credentials: Credentials | undefined;
  readonly #timeoutMs: number;

  constructor({ storageEndpoint, apiEndpoint, requestMs }: BigQueryOptions) {
    const given = storageEndpoint ?? apiEndpoint;
    const isGoogle = given === undefined || /^(https:\/\/)?([\w-]+\.)*googleapis\.com\/?$/.test(given);
    this.#endpoint = isGoogle ? "https://storage.googleapis.com" : given.replace(/\/(storage\/v1\/?)?$/, "");
    this.#credentials = isGoogle ? new Credentials() : undefined;
    this.#timeoutMs = requestMs ?? defaultTimeoutMs;
  }

  /**
   * The content at a `gs://` URI, in pieces. Throws `FILE_MISSING`, `WAREHOUSE_DENIED`, the retryable
   * `WAREHOUSE_FAILED`, and the reason of the signal.
   */
  async *read(uri: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const silence = new AbortController();
    const timer = setTimeout(
      () => silence.abort(new Error(`nothing came for ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
    try {
      const response = await this.#open(uri, AbortSignal.any([signal, silence.signal]));
      for await (const chunk of response.body ?? []) {
        timer.refresh();
        yield chunk;
      }
    } catch (thrown) {
      signal.throwIfAborted();
      throw failureOf(thrown, uri);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(uri: string, signal: AbortSignal): Promise<Response> {
    const [, bucket = "", object = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
    const url = `${this.#endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`;
    for (let tries = 0; ; tries++) {
      try {
        return await withFreshCredentials(() => this.#ask(url, signal), {
          isRefused: (thrown) => clientFailureOf(thrown).answeredStatus === 401,
          refresh: () => this.#credentials?.forget(),
        });
      } catch (thrown) {
        signal.throwIfAborted();
        const { status, retryAfterSeconds } = clientFailureOf(thrown);
        const waitMs = retryWaitsMs[tries];
        const pauseMs = waitMs === undefined ? undefined : waitBeforeRepeating(waitMs, retryAfterSeconds);
        if (!isPassing(status) || pauseMs === undefined) throw thrown;
        await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  /** Cloud Storage sends a hash with every content; the page of a proxy has none. */
  async #ask(url: string, signal: AbortSignal): Promise<Response> {
    // As it is stored: what is compressed is told by its bytes.
    const headers = { ...(await this.#credentials?.headers()), "accept-encoding": "gzip" };
    const response = await fetch(url, { headers, signal, redirect: "error" });
    if (response.ok && response.headers.has("x-goog-hash")) return response;
    if (!response.ok)
      throw await refusalOf(response, () => fetch(lookAt(url), { headers, signal, redirect: "error" }));
    await response.body?.cancel();
    throw new Error("what came is not an answer of Cloud Storage: it has no hash of the content");
  }
}

function lookAt(url: string): string {
  return url.replace(/\?alt=media$/, "");
}

/**
 * Cloud Storage refuses a download in plain text, as a proxy might: what it is about is told in JSON where only a
 * look is asked for.
 */
async function refusalOf(refused: Response, look: () => Promise<Response>): Promise<Error> {
  const error = await clientErrorIn(refused);
  if (clientFailureOf(error).status !== 0) return error;
  const looked = await look();
  return looked.ok ? error : clientErrorIn(looked);
}

async function clientErrorIn(response: Response): Promise<Error> {
  const text = await response.text();
  return clientErrorOf(response.status, response.headers, jsonIn(text) ?? text);
}

function isPassing(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function failureOf(thrown: unknown, uri: string): unknown {
  const { status, message } = clientFailureOf(thrown);
  if (status === 404) return refusal("FILE_MISSING", `There is no file ${uri}`, thrown);
  if (status === 401 || status === 403)
    return refusal("WAREHOUSE_DENIED", `Cloud Storage refused to let ${uri} be read: ${message}`, thrown);
  if (isPassing(status)) return unavailable(`${uri} could not be read: ${rootMessageOf(thrown)}`, thrown);
  return refusal("FILE_UNREADABLE", `Cloud Storage refused to let ${uri} be read: ${message}`, thrown);
}
