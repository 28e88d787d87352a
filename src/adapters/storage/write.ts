import { createHash } from "node:crypto";
import type { ObjectName } from "../../ports/objects.ts";
import type { StorageClient, Upload } from "./client.ts";
import { missing, StorageFailure } from "./failure.ts";
import type { Place } from "./object-place.ts";
import type { Resource } from "./resource.ts";
import { retried } from "./retries.ts";

/** Replaces an object, or its one generation. An answer that got lost is found again by the hash of the content. */
export async function write(
  client: StorageClient,
  name: ObjectName,
  place: Place,
  content: { readonly bytes: Uint8Array; readonly type: string },
): Promise<Resource> {
  const md5Hash = createHash("md5").update(content.bytes).digest("base64");
  const upload: Upload = { content: content.bytes, contentType: content.type, md5Hash };
  const { generation } = name;
  return retried(async (attempt) => {
    const there = attempt === 1 ? undefined : await client.findOnce(place);
    if (there && isWritten(there, upload)) return there;
    return uploadOrFind(client, name, place, generation === undefined ? upload : { ...upload, generation });
  });
}

/** Another generation than the one that was to be replaced may be the very upload whose answer got lost. */
async function uploadOrFind(
  client: StorageClient,
  name: ObjectName,
  place: Place,
  upload: Upload,
): Promise<Resource> {
  try {
    return await client.uploadOnce(place, upload);
  } catch (error) {
    if (!(error instanceof StorageFailure) || error.status !== 412) throw error;
    const there = await client.findOnce(place);
    if (there === undefined) throw missing(name);
    if (isWritten(there, upload)) return there;
    throw error;
  }
}

function isWritten(there: Resource, { md5Hash, contentType }: Upload): boolean {
  return there.md5Hash === md5Hash && there.contentType === contentType;
}
