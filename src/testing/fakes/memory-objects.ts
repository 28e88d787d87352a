import { BatonError } from "../../core/errors/errors.ts";
import type {
  ListOptions,
  ObjectInfo,
  ObjectName,
  ObjectPage,
  ObjectPrefix,
  ObjectStore,
  ObjectVersion,
} from "../../ports/objects.ts";

interface Stored {
  readonly content: Uint8Array;
  readonly generation: string;
}

const scheme = "memory://";

/** Buckets in memory. */
export class MemoryObjects implements ObjectStore {
  readonly #objects = new Map<string, Stored>();
  #generations = 0;

  /** Puts a file into a bucket, such as `inbox`. */
  put(bucket: string, object: string, content: Uint8Array | string): ObjectInfo {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const before = this.#objects.get(`${bucket}/${object}`);
    // The same content again is the same version, so that a repeated write changes nothing.
    if (!before || Buffer.compare(before.content, bytes) !== 0) {
      this.#generations += 1;
      this.#objects.set(`${bucket}/${object}`, { content: bytes, generation: String(this.#generations) });
    }
    return this.#info({ bucket, object });
  }

  /** The content by its URI, for a warehouse. Undefined if it is no URI of this store. */
  contentAt(uri: string): Uint8Array | undefined {
    return uri.startsWith(scheme) ? this.#objects.get(uri.slice(scheme.length))?.content : undefined;
  }

  /** Names of the objects in a bucket. */
  names(bucket: string): readonly string[] {
    const prefix = `${bucket}/`;
    return [...this.#objects.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
      .sort();
  }

  text(bucket: string, object: string): string {
    return new TextDecoder().decode(this.#find({ bucket, object }).content);
  }

  async stat(name: ObjectName): Promise<ObjectInfo> {
    return this.#info(name);
  }

  async read(name: ObjectName): Promise<Uint8Array> {
    return this.#find(name).content;
  }

  async write({ bucket, object }: ObjectName, content: Uint8Array): Promise<ObjectInfo> {
    return this.put(bucket, object, content);
  }

  async move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    const source = this.#objects.get(pathOf(from));
    const target = this.#objects.get(pathOf(to));
    // A repeated move finds the object in its new place.
    if (!source && target) return this.#info(to);
    const { content, generation } = this.#find(from);
    const free = target ? { ...to, object: `${to.object}.${generation}` } : to;
    this.#objects.delete(pathOf(from));
    this.#objects.set(pathOf(free), { content, generation });
    return this.#info(free);
  }

  async list({ bucket, prefix }: ObjectPrefix, { limit, after = "" }: ListOptions): Promise<ObjectPage> {
    const names = this.names(bucket).filter((name) => name.startsWith(prefix) && name > after);
    const objects = names.slice(0, limit).map((object) => ({ bucket, object, version: undefined }));
    return { objects, next: names.length > limit ? objects.at(-1)?.object : undefined };
  }

  async remove(listed: ObjectVersion): Promise<void> {
    this.#objects.delete(pathOf(listed));
  }

  #find(name: ObjectName): Stored {
    const found = this.#objects.get(pathOf(name));
    if (!found) throw new BatonError("FILE_MISSING", `There is no ${pathOf(name)} in the test`);
    if (name.generation !== undefined && name.generation !== found.generation)
      throw new BatonError("FILE_CHANGED", `${pathOf(name)} was changed`);
    return found;
  }

  #info(name: ObjectName): ObjectInfo {
    const { content, generation } = this.#find(name);
    const { bucket, object } = name;
    return { bucket, object, generation, bytes: content.byteLength, uri: scheme + pathOf(name) };
  }
}

function pathOf({ bucket, object }: { readonly bucket: string; readonly object: string }): string {
  return `${bucket}/${object}`;
}
