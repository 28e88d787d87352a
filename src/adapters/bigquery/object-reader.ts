import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { TaskError } from "../../core/errors/errors.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { GoogleCredentials, withFreshCredentials } from "../remote/google-credentials.ts";
import { retryInPlaceDelayMs, rootCauseMessage } from "../remote/http-request.ts";
import { notFromService, parseResponse, toClientError, toClientFailure } from "../remote/service-response.ts";
import type { BigQueryOptions } from "./api.ts";
import { finalFailure, unavailable } from "./api.ts";

const retryWaitsMs = [100, 400, 1_600];
const defaultTimeoutMs = 60_000;

const generationHeader = "x-goog-generation";

/** An object that is being read. */
export interface OpenObject {
  /** Changes with the content. */
  readonly generation: string;
  readonly bytes: AsyncGenerator<Uint8Array>;
}

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
   * Opens the content at a `gs://` URI. With a `generation`, it has to be this one still. Throws `FILE_MISSING`,
   * `FILE_CHANGED`, `FILE_UNREADABLE`, `WAREHOUSE_DENIED`, the retryable `WAREHOUSE_FAILED`, and the reason of the
   * signal.
   */
  async open(uri: string, signal: AbortSignal, generation?: string): Promise<OpenObject> {
    const silence = new AbortController();
    const timer = setTimeout(
      () => silence.abort(new Error(`no data for ${this.#timeoutMs} ms`)),
      this.#timeoutMs,
    );
    try {
      const response = await this.#open(uri, AbortSignal.any([signal, silence.signal]), generation);
      return {
        generation: response.headers.get(generationHeader) ?? "",
        bytes: readBody(response, { uri, signal, timer }),
      };
    } catch (thrown) {
      clearTimeout(timer);
      signal.throwIfAborted();
      throw toReadFailure(thrown, uri);
    }
  }

  /** Yields the content of a generation. */
  async *read(uri: string, signal: AbortSignal, generation: string): AsyncGenerator<Uint8Array> {
    yield* (await this.open(uri, signal, generation)).bytes;
  }

  /** The generation of the object that is at a `gs://` URI now. Undefined if there is none. */
  async currentGeneration(uri: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#retry(signal, async () => {
        const response = await this.#send(objectUrl(this.#endpoint, uri), this.#withTimeout(signal));
        const body = tryParseJson(await response.text());
        return parseResponse(MetadataSchema, body).generation;
      });
    } catch (thrown) {
      signal.throwIfAborted();
      if (toClientFailure(thrown).status === 404) return undefined;
      throw toReadFailure(thrown, uri);
    }
  }

  #withTimeout(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]);
  }

  async #open(uri: string, signal: AbortSignal, generation: string | undefined): Promise<Response> {
    const condition = generation === undefined ? "" : `&ifGenerationMatch=${generation}`;
    const url = objectUrl(this.#endpoint, uri);
    return this.#retry(signal, async () => {
      const response = await this.#send(`${url}?alt=media${condition}`, signal, url);
      // Cloud Storage sends a generation with every content; the page of a proxy has none.
      if (response.headers.has(generationHeader)) return response;
      await response.body?.cancel();
      throw new Error(`${notFromService}: it has no generation of the content`);
    });
  }

  async #retry<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    for (let tries = 0; ; tries++) {
      try {
        return await withFreshCredentials(work, {
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

  /** `metadataUrl`: where Cloud Storage refuses in JSON what it refuses here in plain text. */
  async #send(url: string, signal: AbortSignal, metadataUrl?: string): Promise<Response> {
    // Accept compressed content as it is stored: its first bytes show that it is compressed.
    const headers = { ...(await this.#credentials?.headers()), "accept-encoding": "gzip" };
    const response = await fetch(url, { headers, signal, redirect: "error" });
    if (response.ok) return response;
    if (metadataUrl === undefined) throw await readClientError(response);
    throw await readRefusal(response, () => fetch(metadataUrl, { headers, signal, redirect: "error" }));
  }
}

function objectUrl(endpoint: string, uri: string): string {
  const [, bucket = "", object = ""] = /^gs:\/\/([^/]+)\/(.+)$/s.exec(uri) ?? [];
  return `${endpoint}/storage/v1/b/${bucket}/o/${encodeURIComponent(object)}`;
}

const MetadataSchema = z.looseObject({ generation: z.string() });

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
  if (status === 412) return fileChanged(uri, thrown);
  if (status === 401 || status === 403)
    return finalFailure("WAREHOUSE_DENIED", `Cloud Storage refused to read ${uri}: ${message}`, thrown);
  if (isTransientStatus(status)) return unavailable(`can't read ${uri}: ${rootCauseMessage(thrown)}`, thrown);
  return finalFailure("FILE_UNREADABLE", `Cloud Storage refused to read ${uri}: ${message}`, thrown);
}

/** Another attempt loads the new content, or finds that the task was not for it. */
export function fileChanged(uri: string, cause?: unknown): TaskError {
  return new TaskError(`${uri} was replaced or removed while it was loaded`, {
    code: "FILE_CHANGED",
    retryable: true,
    cause,
  });
}

async function* readBody(
  response: Response,
  { uri, signal, timer }: { uri: string; signal: AbortSignal; timer: NodeJS.Timeout },
): AsyncGenerator<Uint8Array> {
  try {
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
