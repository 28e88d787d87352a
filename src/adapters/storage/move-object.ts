import { posix } from "node:path";
import type { ObjectName } from "../../ports/objects.ts";
import type { ObjectLocation, ObjectResource } from "./object-location.ts";
import type { StorageClient } from "./storage-client.ts";
import { fileChanged, fileMissing, otherGeneration } from "./storage-failure.ts";

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
export class ObjectMove {
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
