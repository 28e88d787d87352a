import { createHash } from "node:crypto";
import { posix } from "node:path";
import type {
  ListOptions,
  ObjectInfo,
  ObjectName,
  ObjectPage,
  ObjectPrefix,
  ObjectStore,
  ObjectVersion,
} from "../../ports/objects.ts";
import {
  type BucketLocation,
  type BucketLocations,
  type ObjectLocation,
  type ObjectResource,
  resolveLocation,
} from "./object-location.ts";
import { StorageClient, type StorageClientOptions, type Upload } from "./storage-client.ts";
import {
  fileChanged,
  fileMissing,
  otherGeneration,
  StorageFailure,
  toBatonError,
  withRetries,
} from "./storage-failure.ts";

export interface CloudObjectStoreOptions extends StorageClientOptions {
  readonly buckets: BucketLocations;
}

const generationText = /^[1-9][0-9]{0,18}$/;

/**
 * Buckets of Cloud Storage. A read or written object is in memory as a whole; a move copies inside Cloud Storage, and
 * the copy gets the default storage class of its bucket. Besides the codes of the port it throws `FILE_DENIED`,
 * `OBJECT_NAME_INVALID`, `OBJECTS_UNAVAILABLE` (retryable, after six tries) and `OBJECTS_REFUSED`.
 */
export class CloudObjectStore implements ObjectStore {
  readonly #client: StorageClient;
  readonly #buckets: ReadonlyMap<string, BucketLocation>;

  constructor({ buckets, ...options }: CloudObjectStoreOptions) {
    this.#client = new StorageClient(options);
    this.#buckets = new Map(Object.entries(buckets));
  }

  async stat(name: ObjectName): Promise<ObjectInfo> {
    return withBatonErrors(name, async () => {
      const location = this.#locate(name);
      const resource = await this.#client.stat(location);
      assertGeneration(name, resource);
      return toObjectInfo(name, location, resource);
    });
  }

  async read(name: ObjectName): Promise<Uint8Array> {
    return withBatonErrors(name, async () => {
      const location = this.#locate(name);
      await this.#assertPossibleGeneration(name);
      return this.#client.download(location, name.generation);
    });
  }

  async write(name: ObjectName, content: Uint8Array, contentType: string): Promise<ObjectInfo> {
    return withBatonErrors(name, async () => {
      const location = this.#locate(name);
      await this.#assertPossibleGeneration(name);
      const upload = { bytes: content, type: contentType };
      const resource = await uploadContent(this.#client, name, location, upload);
      return toObjectInfo(name, location, resource);
    });
  }

  /**
   * If the name is taken by other content, the object becomes `name.<first 8 digits of the generation>.ext`, and if
   * that is taken too, `name.<generation>.ext`. Repeating a move with a generation finds the copy of the first one.
   */
  async move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    return withBatonErrors(from, async () => {
      const move = new ObjectMove(this.#client, from, to, (name) => this.#locate(name));
      const { name, location, resource } = await move.run();
      return toObjectInfo(name, location, resource);
    });
  }

  async list({ bucket, prefix }: ObjectPrefix, options: ListOptions): Promise<ObjectPage> {
    const name = { bucket, object: prefix };
    return withBatonErrors(name, async () => {
      const location = this.#locate(name);
      const { items, nextPageToken } = await this.#client.list(location, options);
      const bucketPrefix = location.object.length - prefix.length;
      const objects = items.map(({ name: object, generation }) => {
        return { bucket, object: object.slice(bucketPrefix), version: generation };
      });
      return { objects, next: nextPageToken };
    });
  }

  /** A bucket with soft deletion keeps the object for that time. */
  async remove({ bucket, object, version }: ObjectVersion): Promise<void> {
    const name = { bucket, object };
    if (version === undefined) throw new TypeError(`Removing ${object} needs the version to remove`);
    return withBatonErrors(name, () => this.#client.removeVersion(this.#locate(name), version));
  }

  /** Throws what `stat` throws for a generation that no object can have: to Cloud Storage it is a bad request. */
  async #assertPossibleGeneration(name: ObjectName): Promise<void> {
    if (name.generation !== undefined && !generationText.test(name.generation)) await this.stat(name);
  }

  #locate(name: ObjectName): ObjectLocation {
    return resolveLocation(this.#buckets, name);
  }
}

async function withBatonErrors<T>(name: ObjectName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toBatonError(error, name);
  }
}

function assertGeneration(name: ObjectName, { generation }: ObjectResource): void {
  if (name.generation !== undefined && name.generation !== generation)
    throw otherGeneration(name, generation, name.generation);
}

function toObjectInfo(
  { bucket, object }: ObjectName,
  location: ObjectLocation,
  { generation, size }: ObjectResource,
): ObjectInfo {
  return { bucket, object, generation, bytes: size, uri: `gs://${location.bucket}/${location.object}` };
}

/** Replaces an object, or one generation of it. After a lost reply the hash of the content shows that it was stored. */
async function uploadContent(
  client: StorageClient,
  name: ObjectName,
  location: ObjectLocation,
  content: { readonly bytes: Uint8Array; readonly type: string },
): Promise<ObjectResource> {
  const md5Hash = createHash("md5").update(content.bytes).digest("base64");
  const upload: Upload = { content: content.bytes, contentType: content.type, md5Hash };
  const { generation } = name;
  return withRetries(async (attempt) => {
    const stored = attempt === 1 ? undefined : await client.findOnce(location);
    if (stored && isSameUpload(stored, upload)) return stored;
    return uploadOrFind(
      client,
      name,
      location,
      generation === undefined ? upload : { ...upload, generation },
    );
  });
}

/** If the generation to replace is gone, the current one may be this upload itself, whose reply was lost. */
async function uploadOrFind(
  client: StorageClient,
  name: ObjectName,
  location: ObjectLocation,
  upload: Upload,
): Promise<ObjectResource> {
  try {
    return await client.uploadOnce(location, upload);
  } catch (error) {
    if (!(error instanceof StorageFailure) || error.status !== 412) throw error;
    const stored = await client.findOnce(location);
    if (stored === undefined) throw fileMissing(name);
    if (isSameUpload(stored, upload)) return stored;
    throw error;
  }
}

function isSameUpload(stored: ObjectResource, { md5Hash, contentType }: Upload): boolean {
  return stored.md5Hash === md5Hash && stored.contentType === contentType;
}

/** Metadata that names a copy's source as `bucket/object#generation`. Stored objects have it, so it must not change. */
const movedFrom = "baton-moved-from";

interface LocatedObject {
  readonly name: ObjectName;
  readonly location: ObjectLocation;
  readonly resource: ObjectResource;
}

type ResolveLocation = (name: ObjectName) => ObjectLocation;

/**
 * Moves an object in two steps: copies it to a free name, with its source in the metadata, then removes the source. If
 * the process dies in between, the next move recognises the copy and finishes.
 */
class ObjectMove {
  readonly #client: StorageClient;
  readonly #from: ObjectName;
  readonly #to: ObjectName;
  readonly #locate: ResolveLocation;

  constructor(client: StorageClient, from: ObjectName, to: ObjectName, locate: ResolveLocation) {
    this.#client = client;
    this.#from = from;
    this.#to = to;
    this.#locate = locate;
  }

  async run(): Promise<LocatedObject> {
    const location = this.#locate(this.#from);
    const target = this.#locate(this.#to);
    const resource = await this.#client.find(location);
    const expected = this.#from.generation ?? resource?.generation;
    if (resource === undefined || resource.generation !== expected)
      return this.#findEarlierMove(location, expected);
    if (location.bucket === target.bucket && location.object === target.object)
      return { name: this.#to, location, resource };
    const copy = await this.#copyOrFind(location, resource);
    await this.#client.remove(location, expected);
    return copy;
  }

  async #copyOrFind(from: ObjectLocation, source: ObjectResource): Promise<LocatedObject> {
    const { generation } = source;
    for (const name of candidateNames(this.#to, generation)) {
      const location = this.#locate(name);
      const copy = await this.#client.copy(from, generation, location, copyMetadata(from, source));
      if (copy) return { name, location, resource: copy };
      // The name is taken, perhaps by this same move; or another process has moved the source.
      const existing = await this.#client.find(location);
      if (existing && isCopyOf(existing, from, generation)) return { name, location, resource: existing };
      if (existing === undefined && (await this.#client.find(from))?.generation !== generation)
        return this.#findEarlierMove(from, generation);
    }
    throw fileChanged(this.#to, `can't be written: it, and the names with ${generation}, hold other content`);
  }

  /** Finds the copy of an earlier move. Without a generation it can't be distinguished from an older object. */
  async #findEarlierMove(from: ObjectLocation, generation: string | undefined): Promise<LocatedObject> {
    for (const name of generation === undefined ? [] : candidateNames(this.#to, generation)) {
      const location = this.#locate(name);
      const existing = await this.#client.find(location);
      if (existing && isCopyOf(existing, from, generation)) return { name, location, resource: existing };
    }
    const current = await this.#client.find(from);
    if (current === undefined) throw fileMissing(this.#from);
    throw otherGeneration(this.#from, current.generation, generation);
  }
}

/**
 * The names that a moved object may get, in order. Generations are times in microseconds: two of them within 100
 * seconds begin with the same 8 digits, so the last name has all digits.
 */
function candidateNames({ bucket, object }: ObjectName, generation: string): ObjectName[] {
  const { dir, name, ext } = posix.parse(object);
  const marked = (mark: string) => ({ bucket, object: posix.join(dir, `${name}.${mark}${ext}`) });
  return [{ bucket, object }, marked(generation.slice(0, 8)), marked(generation)];
}

function sourceMark({ bucket, object }: ObjectLocation, generation: string | undefined): string {
  return `${bucket}/${object}#${generation}`;
}

function isCopyOf(copy: ObjectResource, from: ObjectLocation, generation: string | undefined): boolean {
  return copy.metadata?.[movedFrom] === sourceMark(from, generation);
}

/** Includes the source's own metadata: Cloud Storage copies none of it if the request has metadata. */
function copyMetadata(
  from: ObjectLocation,
  { size, generation, md5Hash, metadata, ...kept }: ObjectResource,
): object {
  return { ...kept, metadata: { ...metadata, [movedFrom]: sourceMark(from, generation) } };
}
