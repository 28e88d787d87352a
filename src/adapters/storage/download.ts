import type { CRC32C } from "@google-cloud/storage";
import { rootMessageOf } from "../remote/root-message.ts";
import { failureOf, StorageFailure } from "./failure.ts";

interface Download {
  readonly url: URL;
  readonly headers: Headers;
  readonly checksum: CRC32C;
  /** How long nothing may come. */
  readonly timeoutMs: number;
}

/**
 * A whole content, checked by its CRC32C. The client's own downloads warn of a memory leak on every content above
 * 64 KiB, and can't name the generation that must be the current one.
 */
export async function download({ checksum, ...request }: Download): Promise<Uint8Array> {
  const { response, body } = await fetched(request);
  if (!response.ok)
    throw failureOf(Object.assign(new Error(new TextDecoder().decode(body)), { code: response.status }));
  const expected = /crc32c=([^,\s]+)/.exec(response.headers.get("x-goog-hash") ?? "")?.[1];
  // The checksum of what was stored compressed is that of the compressed bytes.
  const isAsStored = (response.headers.get("x-goog-stored-content-encoding") ?? "identity") === "identity";
  if (expected === undefined || !isAsStored) return body;
  checksum.update(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (checksum.validate(expected)) return body;
  throw new StorageFailure("its content was damaged on the way", undefined, true, undefined);
}

async function fetched({
  url,
  headers,
  timeoutMs,
}: Omit<Download, "checksum">): Promise<{ response: Response; body: Uint8Array }> {
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
    throw new StorageFailure(rootMessageOf(error), undefined, true, error);
  } finally {
    clearTimeout(timer);
  }
}
