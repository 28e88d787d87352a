import { posix } from "node:path";
import type { ObjectName } from "../../ports/objects.ts";
import type { StorageClient } from "./client.ts";
import { changed, missing } from "./failure.ts";
import type { Place, Resource } from "./object-place.ts";

/** The metadata of a copy that says what was moved there: `bucket/object#generation`. Objects of years ago carry it. */
const movedFrom = "baton-moved-from";

/** An object that was found. */
export interface Located {
  readonly name: ObjectName;
  readonly place: Place;
  readonly resource: Resource;
}

type PlaceOf = (name: ObjectName) => Place;

/**
 * Moves an object in two steps, each of which may be the last one that happens: a copy that tells where it comes from,
 * under a name that is free, and then the removal of the source. A second move finishes what the first one began.
 */
export class Move {
  readonly #client: StorageClient;
  readonly #from: ObjectName;
  readonly #to: ObjectName;
  readonly #placeOf: PlaceOf;

  constructor(client: StorageClient, from: ObjectName, to: ObjectName, placed: PlaceOf) {
    this.#client = client;
    this.#from = from;
    this.#to = to;
    this.#placeOf = placed;
  }

  async run(): Promise<Located> {
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

  async #copyOrFind(from: Place, source: Resource): Promise<Located> {
    const { generation } = source;
    for (const name of destinations(this.#to, generation)) {
      const place = this.#placeOf(name);
      const copied = await this.#client.copy(from, generation, place, metadataOf(from, source));
      if (copied) return { name, place, resource: copied };
      // The name is taken, perhaps by this very move; or somebody was faster, and the source is gone.
      const there = await this.#client.find(place);
      if (there && isCopyOf(there, from, generation)) return { name, place, resource: there };
      if (there === undefined && (await this.#client.find(from))?.generation !== generation)
        return this.#moved(from, generation);
    }
    throw changed(this.#to, `can't be written: it, and the names with ${generation}, hold something else`);
  }

  /** Only a generation tells that what is there is what was moved, and not something older. */
  async #moved(from: Place, generation: string | undefined): Promise<Located> {
    for (const name of generation === undefined ? [] : destinations(this.#to, generation)) {
      const place = this.#placeOf(name);
      const there = await this.#client.find(place);
      if (there && isCopyOf(there, from, generation)) return { name, place, resource: there };
    }
    const now = await this.#client.find(from);
    if (now === undefined) throw missing(this.#from);
    throw changed(
      this.#from,
      `has another content than the one asked for: ${now.generation}, not ${generation}`,
    );
  }
}

/**
 * The names a moved object may get. Generations are microseconds: those of one name that is dropped twice within 100
 * seconds begin alike, so the last resort is the whole of it.
 */
function destinations({ bucket, object }: ObjectName, generation: string): ObjectName[] {
  const { dir, name, ext } = posix.parse(object);
  const marked = (mark: string) => ({ bucket, object: posix.join(dir, `${name}.${mark}${ext}`) });
  return [{ bucket, object }, marked(generation.slice(0, 8)), marked(generation)];
}

function markOf({ bucket, object }: Place, generation: string | undefined): string {
  return `${bucket}/${object}#${generation}`;
}

function isCopyOf(there: Resource, from: Place, generation: string | undefined): boolean {
  return there.metadata?.[movedFrom] === markOf(from, generation);
}

/** A copy with metadata of its own gets nothing from its source by itself. */
function metadataOf(from: Place, { size, generation, md5Hash, metadata, ...kept }: Resource): object {
  return { ...kept, metadata: { ...metadata, [movedFrom]: markOf(from, generation) } };
}
