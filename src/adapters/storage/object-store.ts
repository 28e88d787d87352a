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
import { fileChanged, fileMissing, StorageFailure, toBatonError, withRetries } from "./storage-failure.ts";

/** The metadata of a copy that says what was moved there: `bucket/object#generation`. Objects of years ago carry it. */
const movedFrom = "baton-moved-from";

/** An object that was found. */
interface LocatedObject {
  readonly name: ObjectName;
  readonly place: ObjectLocation;
  readonly resource: ObjectResource;
}

type ResolveLocation = (name: ObjectName) => ObjectLocation;

/**
 * Moves an object in two steps, each of which may be the last one that happens: a copy that tells where it comes from,
 * under a name that is free, and then the removal of the source. A second move finishes what the first one began.
 */
class Move {
  readonly #client: StorageClient;
  readonly #from: ObjectName;
  readonly #to: ObjectName;
  readonly #placeOf: ResolveLocation;

  constructor(client: StorageClient, from: ObjectName, to: ObjectName, placed: ResolveLocation) {
    this.#client = client;
    this.#from = from;
    this.#to = to;
    this.#placeOf = placed;
  }

  async run(): Promise<LocatedObject> {
    const place = this.#placeOf(this.#from);
    const target = this.#placeOf(this.#to);
    const resource = await this.#client.find(place);
    const wanted = this.#from.generation ?? resource?.generation;
    if (resource === undefined || resource.generation !== wanted) return this.#moved(place, wanted);
    if (place.bucket === target.bucket && place.object === target.object)
      return { name: this.#to, place, resource };
    const copy = await this.#copyOrFind(place, resource);
    await this.#client.remove(place, wanted);
    return copy;
  }

  async #copyOrFind(from: ObjectLocation, source: ObjectResource): Promise<LocatedObject> {
    const { generation } = source;
    for (const name of candidateNames(this.#to, generation)) {
      const place = this.#placeOf(name);
      const copied = await this.#client.copy(from, generation, place, copyMetadata(from, source));
      if (copied) return { name, place, resource: copied };
      // The name is taken, perhaps by this very move; or somebody was faster, and the source is gone.
      const there = await this.#client.find(place);
      if (there && isCopyOf(there, from, generation)) return { name, place, resource: there };
      if (there === undefined && (await this.#client.find(from))?.generation !== generation)
        return this.#moved(from, generation);
    }
    throw fileChanged(
      this.#to,
      `can't be written: it, and the names with ${generation}, hold something else`,
    );
  }

  /** Only a generation tells that what is there is what was moved, and not something older. */
  async #moved(from: ObjectLocation, generation: string | undefined): Promise<LocatedObject> {
    for (const name of generation === undefined ? [] : candidateNames(this.#to, generation)) {
      const place = this.#placeOf(name);
      const there = await this.#client.find(place);
      if (there && isCopyOf(there, from, generation)) return { name, place, resource: there };
    }
    const now = await this.#client.find(from);
    if (now === undefined) throw fileMissing(this.#from);
    throw fileChanged(
      this.#from,
      `has another content than the one asked for: ${now.generation}, not ${generation}`,
    );
  }
}

/**
 * The names a moved object may get. Generations are microseconds: those of one name that is dropped twice within 100
 * seconds begin alike, so the last resort is the whole of it.
 */
function candidateNames({ bucket, object }: ObjectName, generation: string): ObjectName[] {
  const { dir, name, ext } = posix.parse(object);
  const marked = (mark: string) => ({ bucket, object: posix.join(dir, `${name}.${mark}${ext}`) });
  return [{ bucket, object }, marked(generation.slice(0, 8)), marked(generation)];
}

function sourceMark({ bucket, object }: ObjectLocation, generation: string | undefined): string {
  return `${bucket}/${object}#${generation}`;
}

function isCopyOf(there: ObjectResource, from: ObjectLocation, generation: string | undefined): boolean {
  return there.metadata?.[movedFrom] === sourceMark(from, generation);
}

/** A copy with metadata of its own gets nothing from its source by itself. */
function copyMetadata(
  from: ObjectLocation,
  { size, generation, md5Hash, metadata, ...kept }: ObjectResource,
): object {
  return { ...kept, metadata: { ...metadata, [movedFrom]: sourceMark(from, generation) } };
}

export interface CloudObjectStoreOptions extends StorageClientOptions {
  readonly buckets: BucketLocations;
}

const generationText = /^[1-9][0-9]{0,18}$/;

/**
 * Buckets of Cloud Storage. Contents are held in memory as a whole; a move copies inside Cloud Storage, whatever the
 * size, and the copy gets the default storage class of its bucket. Throws, besides the codes of the port, `FILE_DENIED`
 * (not allowed), `OBJECT_NAME_INVALID`, `OBJECTS_UNAVAILABLE` (retryable: it was tried six times) and `OBJECTS_REFUSED`.
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
      const place = this.#placeOf(name);
      const resource = await this.#client.stat(place);
      assertGeneration(name, resource);
      return toObjectInfo(name, place, resource);
    });
  }

  async read(name: ObjectName): Promise<Uint8Array> {
    return withBatonErrors(name, async () => {
      const place = this.#placeOf(name);
      await this.#refuseImpossibleGeneration(name);
      return this.#client.download(place, name.generation);
    });
  }

  async write(name: ObjectName, content: Uint8Array, contentType: string): Promise<ObjectInfo> {
    return withBatonErrors(name, async () => {
      const place = this.#placeOf(name);
      await this.#refuseImpossibleGeneration(name);
      const written = await uploadContent(this.#client, name, place, { bytes: content, type: contentType });
      return toObjectInfo(name, place, written);
    });
  }

  /**
   * Where the name is taken by other content, the object gets `name.<first 8 of the generation>.ext`, and where that is
   * taken too, `name.<generation>.ext`. A move with a generation that was done before is recognised by what its copy says.
   */
  async move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    return withBatonErrors(from, async () => {
      const { name, place, resource } = await new Move(this.#client, from, to, (asked) =>
        this.#placeOf(asked),
      ).run();
      return toObjectInfo(name, place, resource);
    });
  }

  async list({ bucket, prefix }: ObjectPrefix, options: ListOptions): Promise<ObjectPage> {
    const name = { bucket, object: prefix };
    return withBatonErrors(name, async () => {
      const place = this.#placeOf(name);
      const { items, nextPageToken } = await this.#client.list(place, options);
      const below = place.object.length - prefix.length;
      const objects = items.map(({ name: object, generation }) => {
        return { bucket, object: object.slice(below), version: generation };
      });
      return { objects, next: nextPageToken };
    });
  }

  /** The soft deletion of the bucket, where it has one, keeps it all the same. */
  async remove({ bucket, object, version }: ObjectVersion): Promise<void> {
    const name = { bucket, object };
    if (version === undefined) throw new TypeError(`Which content of ${object} is to be removed?`);
    return withBatonErrors(name, () => this.#client.removeVersion(this.#placeOf(name), version));
  }

  /** What can't be a generation would be a bad request; it is the generation of no object, whichever is there. */
  async #refuseImpossibleGeneration(name: ObjectName): Promise<void> {
    if (name.generation !== undefined && !generationText.test(name.generation)) await this.stat(name);
  }

  #placeOf(name: ObjectName): ObjectLocation {
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
    throw fileChanged(
      name,
      `has another content than the one asked for: ${generation}, not ${name.generation}`,
    );
}

function toObjectInfo(
  { bucket, object }: ObjectName,
  place: ObjectLocation,
  { generation, size }: ObjectResource,
): ObjectInfo {
  return { bucket, object, generation, bytes: size, uri: `gs://${place.bucket}/${place.object}` };
}

/** Replaces an object, or its one generation. An answer that got lost is found again by the hash of the content. */
async function uploadContent(
  client: StorageClient,
  name: ObjectName,
  place: ObjectLocation,
  content: { readonly bytes: Uint8Array; readonly type: string },
): Promise<ObjectResource> {
  const md5Hash = createHash("md5").update(content.bytes).digest("base64");
  const upload: Upload = { content: content.bytes, contentType: content.type, md5Hash };
  const { generation } = name;
  return withRetries(async (attempt) => {
    const there = attempt === 1 ? undefined : await client.findOnce(place);
    if (there && isSameUpload(there, upload)) return there;
    return uploadOrFind(client, name, place, generation === undefined ? upload : { ...upload, generation });
  });
}

/** Another generation than the one that was to be replaced may be the very upload whose answer got lost. */
async function uploadOrFind(
  client: StorageClient,
  name: ObjectName,
  place: ObjectLocation,
  upload: Upload,
): Promise<ObjectResource> {
  try {
    return await client.uploadOnce(place, upload);
  } catch (error) {
    if (!(error instanceof StorageFailure) || error.status !== 412) throw error;
    const there = await client.findOnce(place);
    if (there === undefined) throw fileMissing(name);
    if (isSameUpload(there, upload)) return there;
    throw error;
  }
}

function isSameUpload(there: ObjectResource, { md5Hash, contentType }: Upload): boolean {
  return there.md5Hash === md5Hash && there.contentType === contentType;
}
