import type { CRC32C } from "@google-cloud/storage";
import { tryParseJson } from "../../core/values/json.ts";
import { rootCauseMessage } from "../remote/http-request.ts";
import { notFromService, toClientError } from "../remote/service-response.ts";
import { StorageFailure } from "./storage-failure.ts";

interface DownloadRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly checksum: CRC32C;
  /** Default: the current one. */
  readonly generation: string | undefined;
  /** Longest pause between two chunks. */
  readonly timeoutMs: number;
}

/**
 * Downloads an object and checks its CRC32C. The client's own downloads print a warning of a memory leak for content
 * above 64 KiB, and can't require a generation to be current. Throws what the client would throw.
 */
export async function download({ checksum, generation, ...request }: DownloadRequest): Promise<Uint8Array> {
  const { response, body } = await fetchContent(request);
  if (!response.ok) {
    const text = new TextDecoder().decode(body);
    throw toClientError(response.status, response.headers, tryParseJson(text) ?? text);
  }
  const expected = /crc32c=([^,\s]+)/.exec(response.headers.get("x-goog-hash") ?? "")?.[1];
  // Cloud Storage sends a hash even with empty content; the page of a proxy has none.
  if (expected === undefined)
    throw transientFailure(`${notFromService}: status ${response.status} without a hash of the content`);
  const current = response.headers.get("x-goog-generation");
  if (generation !== undefined && current !== null && current !== generation)
    throw new StorageFailure(`the current generation is ${current}`, { status: 412, isTransient: false });
  // For content that is stored compressed, the checksum is of the compressed bytes.
  const isAsStored = (response.headers.get("x-goog-stored-content-encoding") ?? "identity") === "identity";
  if (!isAsStored) return body;
  checksum.update(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (checksum.validate(expected)) return body;
  throw transientFailure("its content was damaged in transit");
}

async function fetchContent({
  url,
  headers,
  timeoutMs,
}: Omit<DownloadRequest, "checksum" | "generation">): Promise<{ response: Response; body: Uint8Array }> {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(new Error(`no data for ${timeoutMs} ms`)), timeoutMs);
  try {
    const response = await fetch(url, { headers, signal: aborter.signal, redirect: "error" });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body ?? []) {
      timer.refresh();
      chunks.push(chunk);
    }
    return { response, body: Buffer.concat(chunks) };
  } catch (error) {
    throw transientFailure(rootCauseMessage(error), error);
  } finally {
    clearTimeout(timer);
  }
}

function transientFailure(message: string, cause?: unknown): StorageFailure {
  return new StorageFailure(message, { isTransient: true, cause });
}
