import type { CRC32C } from "@google-cloud/storage";
import { tryParseJson } from "../../core/values/json.ts";
import { rootCauseMessage } from "../remote/http-request.ts";
import { toClientError } from "../remote/service-response.ts";
import { StorageFailure } from "./storage-failure.ts";

interface DownloadRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly checksum: CRC32C;
  /** The one that is asked for; undefined: whichever is current. */
  readonly generation: string | undefined;
  /** How long nothing may come. */
  readonly timeoutMs: number;
}

/**
 * A whole content, checked by its CRC32C. The client's own downloads warn of a memory leak on every content above
 * 64 KiB, and can't name the generation that must be the current one. Throws what the client would throw.
 */
export async function download({ checksum, generation, ...request }: DownloadRequest): Promise<Uint8Array> {
  const { response, body } = await fetchContent(request);
  if (!response.ok) {
    const text = new TextDecoder().decode(body);
    throw toClientError(response.status, response.headers, tryParseJson(text) ?? text);
  }
  const expected = /crc32c=([^,\s]+)/.exec(response.headers.get("x-goog-hash") ?? "")?.[1];
  // Cloud Storage sends it with every content, an empty one too; the page of a proxy does not have it.
  if (expected === undefined)
    throw transientFailure(
      `What came is not an answer of the service: ${response.status}, and no hash of the content`,
    );
  const found = response.headers.get("x-goog-generation");
  if (generation !== undefined && found !== null && found !== generation)
    throw new StorageFailure(`it is generation ${found}`, { status: 412, isTransient: false });
  // The checksum of what was stored compressed is that of the compressed bytes.
  const isAsStored = (response.headers.get("x-goog-stored-content-encoding") ?? "identity") === "identity";
  if (!isAsStored) return body;
  checksum.update(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (checksum.validate(expected)) return body;
  throw transientFailure("its content was damaged on the way");
}

async function fetchContent({
  url,
  headers,
  timeoutMs,
}: Omit<DownloadRequest, "checksum" | "generation">): Promise<{ response: Response; body: Uint8Array }> {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(new Error(`nothing came for ${timeoutMs} ms`)), timeoutMs);
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
