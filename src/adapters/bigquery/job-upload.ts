import type * as z from "zod";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { GoogleCredentials, withFreshCredentials } from "../remote/google-credentials.ts";
import { readLimitedBody } from "../remote/http-request.ts";
import {
  notFromService,
  parseResponse,
  toClientError,
  toClientFailure,
  UnexpectedResponseError,
} from "../remote/service-response.ts";
import { type BigQueryOptions, rethrowOrBackOff, retryWaitsMs, toRefusal, unavailable } from "./api.ts";

const defaultPieceBytes = 8 * 1024 * 1024;
const defaultTimeoutMs = 60_000;
const noBytes = new Uint8Array(0);
/** The status for "send the next piece". */
const resumeIncomplete = 308;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly isLast: boolean;
}

/**
 * Starts jobs that load an uploaded content, by Google's protocol for resumable uploads. The job starts when the last
 * piece is complete, so an upload that ends early leaves nothing.
 */
export class JobUpload {
  readonly #url: string;
  readonly #credentials: GoogleCredentials | undefined;
  readonly #timeoutMs: number;
  readonly #pieceBytes: number;

  constructor({ apiEndpoint, projectId, requestMs, uploadPieceBytes }: BigQueryOptions) {
    const isGoogle =
      apiEndpoint === undefined || /^(https:\/\/)?([\w-]+\.)*googleapis\.com\/?$/.test(apiEndpoint);
    const host = isGoogle ? "https://bigquery.googleapis.com" : apiEndpoint.replace(/\/$/, "");
    this.#url = `${host}/upload/bigquery/v2/projects/${encodeURIComponent(projectId)}/jobs?uploadType=resumable`;
    this.#credentials = isGoogle ? new GoogleCredentials() : undefined;
    this.#timeoutMs = requestMs ?? defaultTimeoutMs;
    this.#pieceBytes = uploadPieceBytes ?? defaultPieceBytes;
  }

  /** Returns the job. Throws what `BigQueryApi.call` throws, and the errors of the content. */
  async start<Job>(
    body: Readonly<Record<string, unknown>>,
    content: AsyncIterable<Uint8Array>,
    schema: z.ZodType<Job>,
    signal: AbortSignal,
  ): Promise<Job> {
    const session = await this.#openSession(body, signal);
    for await (const piece of toPieces(content, this.#pieceBytes)) {
      const job = await this.#sendPiece(session, piece, schema, signal);
      if (job !== undefined) return job;
    }
    throw new Error("an upload has no last piece");
  }

  async #openSession(body: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<string> {
    const headers = {
      "content-type": "application/json",
      "x-upload-content-type": "application/octet-stream",
    };
    return this.#retry(signal, async () => {
      const reply = await this.#send(
        this.#url,
        { method: "POST", headers, body: JSON.stringify(body) },
        signal,
      );
      const location = reply.headers.get("location");
      if (location === null)
        throw new UnexpectedResponseError(`${notFromService}: it names no place to upload to`);
      return location;
    });
  }

  /** Returns the job after the last piece. A piece that failed is continued where BigQuery says. */
  async #sendPiece<Job>(
    session: string,
    piece: Piece,
    schema: z.ZodType<Job>,
    signal: AbortSignal,
  ): Promise<Job | undefined> {
    let received: number | undefined = piece.offset;
    const end = piece.offset + piece.bytes.length;
    return this.#retry(signal, async () => {
      const from = received;
      received = undefined;
      const reply =
        from === undefined
          ? await this.#put(session, "bytes */*", noBytes, signal)
          : await this.#put(
              session,
              contentRange(from, end, piece.isLast),
              piece.bytes.subarray(from - piece.offset),
              signal,
            );
      if (reply.status !== resumeIncomplete) return parseResponse(schema, reply.body);
      received = nextOffset(reply);
      if (received < piece.offset) throw unavailable("an upload was lost; the next attempt begins it again");
      if (received === end && !piece.isLast) return undefined;
      throw new UnexpectedResponseError(`${notFromService}: it has ${received} of ${end} bytes`);
    });
  }

  #put(session: string, range: string, body: Uint8Array<ArrayBuffer>, signal: AbortSignal): Promise<Reply> {
    return this.#send(session, { method: "PUT", headers: { "content-range": range }, body }, signal);
  }

  async #retry<Result>(signal: AbortSignal, work: () => Promise<Result>): Promise<Result> {
    for (let tries = 0; ; tries++) {
      signal.throwIfAborted();
      try {
        return await withFreshCredentials(work, {
          isRefused: (thrown) => toClientFailure(thrown).answeredStatus === 401,
          refresh: () => this.#credentials?.discardToken(),
        });
      } catch (thrown) {
        signal.throwIfAborted();
        await rethrowOrBackOff(toRefusal(thrown), retryWaitsMs[tries], signal);
      }
    }
  }

  async #send(
    url: string,
    {
      headers,
      ...request
    }: { method: string; headers: Record<string, string>; body: string | Uint8Array<ArrayBuffer> },
    signal: AbortSignal,
  ): Promise<Reply> {
    const response = await fetch(url, {
      ...request,
      headers: { ...headers, ...(await this.#credentials?.headers()) },
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]),
      // 308 is no redirect here. Others are not followed, so that the token stays with this host.
      redirect: "manual",
    });
    const bytes = await readLimitedBody(response.body, limits.serviceAnswerBytes);
    const text = new TextDecoder().decode(bytes);
    const body = tryParseJson(text) ?? text;
    if (response.ok || response.status === resumeIncomplete)
      return { status: response.status, headers: response.headers, body };
    throw toClientError(response.status, response.headers, body);
  }
}

/** The first byte that BigQuery has not received. */
function nextOffset({ headers }: Reply): number {
  const last = /^bytes=0-(\d+)$/.exec(headers.get("range") ?? "")?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}

function contentRange(from: number, end: number, isLast: boolean): string {
  const range = from === end ? "*" : `${from}-${end - 1}`;
  return `bytes ${range}/${isLast ? end : "*"}`;
}

async function* toPieces(content: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Piece> {
  let offset = 0;
  let parts: Uint8Array[] = [];
  let length = 0;
  const take = () => {
    const all = Buffer.concat(parts);
    const piece = { offset, bytes: all.subarray(0, pieceBytes), isLast: false };
    offset += pieceBytes;
    parts = [all.subarray(pieceBytes)];
    length -= pieceBytes;
    return piece;
  };
  for await (const chunk of content) {
    parts.push(chunk);
    length += chunk.length;
    while (length > pieceBytes) yield take();
  }
  yield { offset, bytes: Buffer.concat(parts), isLast: true };
}
