import { setTimeout as sleep } from "node:timers/promises";
import { tryParseJson } from "../../core/values/json.ts";
import { GoogleCredentials, withFreshCredentials } from "../remote/google-credentials.ts";
import { retryInPlaceDelayMs, rootCauseMessage } from "../remote/http-request.ts";
import { notFromService, toClientError, toClientFailure } from "../remote/service-response.ts";
import type { BigQueryOptions } from "./api.ts";
import { finalFailure, unavailable } from "./api.ts";

const retryWaitsMs = [100, 400, 1_600];
const defaultTimeoutMs = 60_000;

/** Reads files of Cloud Storage that are about to be loaded, so that they can be inspected first. */
export class ObjectReader {
  readonly #endpoint: string;
  readonly #credentials: GoogleCredentials | undefined;
  readonly #timeoutMs: number;

  constructor({ storageEndpoint, apiEndpoint, requestMs }: BigQueryOptions) {
    const endpoint = storageEndpoint ?? apiEndpoint;
    const isGoogle = endpoint === undefined || /^(https:\/\/)?([\w-]+\.)*googleapis\.com\/?$/.test(endpoint);
    this.#endpoint = isGoogle
      ? "https://storage.googleapis.com"
      : endpoint.replace(/\/(storage\/v1\/?)?$/, "");
    this.#credentials = isGoogle ? new GoogleCredentials() : undefined;
    this.#timeoutMs = requestMs ?? defaultTimeoutMs;
  }

  /**
   * Yields the content at a `gs://` URI. Throws `FILE_MISSING`, `FILE_UNREADABLE`, `WAREHOUSE_DENIED`, the retryable
   * `WAREHOUSE_FAILED`, and the reason of the signal.
   */
  async *read(uri: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const silence = new AbortController();
    const timer = setTimeout(
      () => silence.abort(new Error(`no data for ${this.#timeoutMs} ms`)),
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
      throw toReadFailure(thrown, uri);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(uri: string, signal: AbortSignal): Promise<Response> {
    const [, bucket = "", object = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
    const url = `${this.#endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}?alt=media`;
    for (let tries = 0; ; tries++) {
      try {
        return await withFreshCredentials(() => this.#request(url, signal), {
          isRefused: (thrown) => toClientFailure(thrown).answeredStatus === 401,
          refresh: () => this.#credentials?.discardToken(),
        });
      } catch (thrown) {
        signal.throwIfAborted();
        const { status, retryAfterSeconds } = toClientFailure(thrown);
        const backoffMs = retryWaitsMs[tries];
        const waitMs = backoffMs && retryInPlaceDelayMs(backoffMs, retryAfterSeconds);
        if (!isTransientStatus(status) || waitMs === undefined) throw thrown;
        await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  }

  /** Cloud Storage sends a hash with every content; the page of a proxy has none. */
  async #request(url: string, signal: AbortSignal): Promise<Response> {
    // Accept compressed content as it is stored: its first bytes show that it is compressed.
    const headers = { ...(await this.#credentials?.headers()), "accept-encoding": "gzip" };
    const response = await fetch(url, { headers, signal, redirect: "error" });
    if (response.ok && response.headers.has("x-goog-hash")) return response;
    if (!response.ok)
      throw await readRefusal(response, () =>
        fetch(metadataUrl(url), { headers, signal, redirect: "error" }),
      );
    await response.body?.cancel();
    throw new Error(`${notFromService}: it has no hash of the content`);
  }
}

function metadataUrl(url: string): string {
  return url.replace(/\?alt=media$/, "");
}

/**
 * Cloud Storage refuses a download in plain text, as a proxy would. Asking for the metadata, where it answers in JSON,
 * shows which of the two refused.
 */
async function readRefusal(refusal: Response, fetchMetadata: () => Promise<Response>): Promise<Error> {
  const error = await readClientError(refusal);
  if (toClientFailure(error).status !== 0) return error;
  const metadata = await fetchMetadata();
  return metadata.ok ? error : readClientError(metadata);
}

async function readClientError(response: Response): Promise<Error> {
  const text = await response.text();
  return toClientError(response.status, response.headers, tryParseJson(text) ?? text);
}

function isTransientStatus(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

function toReadFailure(thrown: unknown, uri: string): unknown {
  const { status, message } = toClientFailure(thrown);
  if (status === 404) return finalFailure("FILE_MISSING", `There is no file ${uri}`, thrown);
  if (status === 401 || status === 403)
    return finalFailure("WAREHOUSE_DENIED", `Cloud Storage refused to read ${uri}: ${message}`, thrown);
  if (isTransientStatus(status)) return unavailable(`can't read ${uri}: ${rootCauseMessage(thrown)}`, thrown);
  return finalFailure("FILE_UNREADABLE", `Cloud Storage refused to read ${uri}: ${message}`, thrown);
}
