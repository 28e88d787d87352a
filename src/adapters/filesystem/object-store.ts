import { readFile, stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { BatonError } from "../../core/errors.ts";
import type {
  ListedObject,
  ListOptions,
  ObjectInfo,
  ObjectName,
  ObjectPage,
  ObjectPrefix,
  ObjectStore,
} from "../../ports/objects.ts";
import { changed, explainFileError, missing, writeDurably } from "./durable.ts";
import { contentOf, type Fingerprint, Fingerprints, generationOf } from "./fingerprint.ts";
import { namesBelow, pathOfObject, removeFile } from "./listing.ts";
import { type Located, move } from "./move.ts";

export interface FolderObjectStoreOptions {
  /** The folder of each bucket. One that does not exist yet is created by the first write. */
  readonly buckets: Readonly<Record<string, string>>;
}

/**
 * Folders as buckets. The generation of an object is a hash of its content, so the same bytes are the same generation.
 * That of a dropped file says also when it came; here it counts for its content.
 * Names that would leave the bucket are refused with `OBJECT_NAME_INVALID`.
 */
export class FolderObjectStore implements ObjectStore {
  readonly #buckets: ReadonlyMap<string, string>;
  readonly #fingerprints = new Fingerprints();

  constructor(options: FolderObjectStoreOptions) {
    this.#buckets = new Map(Object.entries(options.buckets));
  }

  async stat(name: ObjectName): Promise<ObjectInfo> {
    return explained(name, async () => {
      const { path, fingerprint } = await this.#locate(name);
      refuseOtherGeneration(name, fingerprint.generation);
      return infoOf(name, path, fingerprint);
    });
  }

  /** The content is checked, not the file: what is returned has the generation that was asked for. */
  async read(name: ObjectName): Promise<Uint8Array> {
    return explained(name, async () => {
      const path = await this.#pathOf(name);
      if (!(await stat(path)).isFile()) throw missing(name, "it is not a file");
      const content = await readFile(path);
      if (name.generation !== undefined) refuseOtherGeneration(name, generationOf(content));
      return content;
    });
  }

  async write(name: ObjectName, content: Uint8Array, _contentType: string): Promise<ObjectInfo> {
    return explained(name, async () => {
      if (name.generation !== undefined) await this.stat(name);
      const path = await this.#pathOf(name);
      await writeDurably(path, content);
      return infoOf(name, path, { generation: generationOf(content), bytes: content.byteLength });
    });
  }

  /**
   * Moves a file; where the name is taken by other content, to `name.<first 8 of the generation>.ext`.
   * A move with a generation that was done before is recognised by the content at its destination.
   */
  async move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    return explained(from, async () => {
      const { name, path, fingerprint } = await move(ofContent(from), to, {
        pathOf: (asked) => this.#pathOf(asked),
        locate: (asked) => this.#locate(asked),
      });
      return infoOf(name, path, fingerprint);
    });
  }

  async list({ bucket, prefix }: ObjectPrefix, { limit, after }: ListOptions): Promise<ObjectPage> {
    return explained({ bucket, object: prefix }, async () => {
      const names = await namesBelow(this.#folderOf({ bucket, object: prefix }), { bucket, prefix });
      const left = names.filter((name) => after === undefined || name > after);
      const objects = left.slice(0, limit).map((object) => ({ bucket, object, version: undefined }));
      return { objects, next: left.length > limit ? objects.at(-1)?.object : undefined };
    });
  }

  /** Folders that are empty then go as well: their names tell what was in them. */
  async remove({ bucket, object }: ListedObject): Promise<void> {
    const name = { bucket, object };
    return explained(name, async () => removeFile(this.#folderOf(name), await this.#pathOf(name)));
  }

  async #locate(name: ObjectName): Promise<Located> {
    const path = await this.#pathOf(name);
    try {
      return { name, path, fingerprint: await this.#fingerprints.of(path, name) };
    } catch (error) {
      throw explainFileError(error, name);
    }
  }

  async #pathOf(name: ObjectName): Promise<string> {
    return pathOfObject(this.#folderOf(name), name);
  }

  #folderOf(name: ObjectName): string {
    const folder = this.#buckets.get(name.bucket);
    if (folder !== undefined) return folder;
    const known = [...this.#buckets.keys()].join(", ");
    throw new BatonError(
      "FILE_MISSING",
      `There is no bucket "${name.bucket}" for ${name.object}; there are: ${known}`,
    );
  }
}

async function explained<T>(name: ObjectName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explainFileError(error, name);
  }
}

/** Which of several drops of the same content a generation means makes no difference here. */
function ofContent(name: ObjectName): ObjectName {
  return name.generation === undefined ? name : { ...name, generation: contentOf(name.generation) };
}

function refuseOtherGeneration(name: ObjectName, generation: string): void {
  if (name.generation !== undefined && contentOf(name.generation) !== generation)
    throw changed(name, `has another content than the one asked for: ${generation}, not ${name.generation}`);
}

function infoOf(
  { bucket, object }: ObjectName,
  path: string,
  { generation, bytes }: Pick<Fingerprint, "generation" | "bytes">,
): ObjectInfo {
  return { bucket, object, generation, bytes, uri: pathToFileURL(path).href };
}
