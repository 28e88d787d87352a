import type { CRC32C } from "@google-cloud/storage";
import { messageOf } from "../../core/errors.ts";
import { failureOf, StorageFailure } from "./failure.ts";

interface Download {
  readonly url: URL;
  readonly headers: Headers;
  readonly checksum: CRC32C;
}

/**
 * A whole content, checked by its CRC32C. The client's own downloads warn of a memory leak on every content above
 * 64 KiB, and can't name the generation that must be the current one.
 */
export async function download({ url, headers, checksum }: Download): Promise<Uint8Array> {
  const { response, body } = await fetched(url, headers);
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

async function fetched(url: URL, headers: Headers): Promise<{ response: Response; body: Uint8Array }> {
  try {
    const response = await fetch(url, { headers });
    return { response, body: new Uint8Array(await response.arrayBuffer()) };
  } catch (error) {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new StorageFailure(messageOf(reason), undefined, true, error);
  }
}
