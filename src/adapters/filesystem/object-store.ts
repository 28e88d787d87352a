import type { Dirent } from "node:fs";
import { opendir, readdir, readFile, realpath, rmdir, stat, unlink } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { BatonError, errorCode } from "../../core/errors/errors.ts";
import type {
  ListOptions,
  ObjectInfo,
  ObjectName,
  ObjectPage,
  ObjectPrefix,
  ObjectStore,
  ObjectVersion,
} from "../../ports/objects.ts";
import { fileChanged, fileMissing, syncFolder, toFileError, writeDurably } from "./durable-files.ts";
import { contentGeneration, contentHash, type Fingerprint, FingerprintCache } from "./fingerprint.ts";
import { type LocatedFile, moveFile } from "./move-file.ts";

export interface FolderObjectStoreOptions {
  /** The folder of each bucket. The first write creates a missing folder. */
  readonly buckets: Readonly<Record<string, string>>;
}

/**
 * Folders as buckets. The generation of an object is a hash of its content. The generation of a dropped file also holds
 * its time, which is ignored here. Names that lead out of the bucket are refused with `OBJECT_NAME_INVALID`.
 */
export class FolderObjectStore implements ObjectStore {
  readonly #buckets: ReadonlyMap<string, string>;
  readonly #fingerprints = new FingerprintCache();

  constructor(options: FolderObjectStoreOptions) {
    this.#buckets = new Map(Object.entries(options.buckets));
  }

  async stat(name: ObjectName): Promise<ObjectInfo> {
    return withFileErrors(name, async () => {
      const { path, fingerprint } = await this.#locate(name);
      assertGeneration(name, fingerprint.generation);
      return toObjectInfo(name, path, fingerprint);
    });
  }

  /** The generation is checked on the bytes that are returned, as the file may change meanwhile. */
  async read(name: ObjectName): Promise<Uint8Array> {
    return withFileErrors(name, async () => {
      const path = await this.#resolvePath(name);
      if (!(await stat(path)).isFile()) throw fileMissing(name, "it is not a file");
      const content = await readFile(path);
      if (name.generation !== undefined) assertGeneration(name, contentGeneration(content));
      return content;
    });
  }

  async write(name: ObjectName, content: Uint8Array, _contentType: string): Promise<ObjectInfo> {
    return withFileErrors(name, async () => {
      if (name.generation !== undefined) await this.stat(name);
      const path = await this.#resolvePath(name);
      await writeDurably(path, content);
      return toObjectInfo(name, path, { generation: contentGeneration(content), bytes: content.byteLength });
    });
  }

  /**
   * Moves a file. If another content has the target name, the file becomes `name.<first 8 of the generation>.ext`.
   * A repeated move with a generation is recognised by the content at its destination.
   */
  async move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    return withFileErrors(from, async () => {
      const { name, path, fingerprint } = await moveFile(toContentGeneration(from), to, {
        resolvePath: (asked) => this.#resolvePath(asked),
        locate: (asked) => this.#locate(asked),
      });
      return toObjectInfo(name, path, fingerprint);
    });
  }

  async list({ bucket, prefix }: ObjectPrefix, { limit, after }: ListOptions): Promise<ObjectPage> {
    return withFileErrors({ bucket, object: prefix }, async () => {
      const names = await listNames(this.#bucketFolder({ bucket, object: prefix }), { bucket, prefix });
      const left = names.filter((name) => after === undefined || name > after);
      const objects = left.slice(0, limit).map((object) => ({ bucket, object, version: undefined }));
      return { objects, next: left.length > limit ? objects.at(-1)?.object : undefined };
    });
  }

  /** Removes empty folders too, because their names may show what was in them. */
  async remove({ bucket, object }: ObjectVersion): Promise<void> {
    const name = { bucket, object };
    return withFileErrors(name, async () =>
      removeFile(this.#bucketFolder(name), await this.#resolvePath(name)),
    );
  }

  async #locate(name: ObjectName): Promise<LocatedFile> {
    const path = await this.#resolvePath(name);
    try {
      return { name, path, fingerprint: await this.#fingerprints.get(path, name) };
    } catch (error) {
      throw toFileError(error, name);
    }
  }

  async #resolvePath(name: ObjectName): Promise<string> {
    return resolveObjectPath(this.#bucketFolder(name), name);
  }

  #bucketFolder(name: ObjectName): string {
    const folder = this.#buckets.get(name.bucket);
    if (folder !== undefined) return folder;
    const known = [...this.#buckets.keys()].join(", ");
    throw new BatonError(
      "FILE_MISSING",
      `There is no bucket "${name.bucket}" for ${name.object}; the buckets are: ${known}`,
    );
  }
}

async function withFileErrors<T>(name: ObjectName, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toFileError(error, name);
  }
}

/** Several drops of the same content are one generation here. */
function toContentGeneration(name: ObjectName): ObjectName {
  return name.generation === undefined ? name : { ...name, generation: contentHash(name.generation) };
}

function assertGeneration(name: ObjectName, generation: string): void {
  if (name.generation !== undefined && contentHash(name.generation) !== generation)
    throw fileChanged(
      name,
      `has another content than the one asked for: ${generation}, not ${name.generation}`,
    );
}

function toObjectInfo(
  { bucket, object }: ObjectName,
  path: string,
  { generation, bytes }: Pick<Fingerprint, "generation" | "bytes">,
): ObjectInfo {
  return { bucket, object, generation, bytes, uri: pathToFileURL(path).href };
}

/** The sorted names of the bucket's files that start with the prefix. Empty if the folder does not exist. */
async function listNames(folder: string, { bucket, prefix }: ObjectPrefix): Promise<string[]> {
  const parent = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const start = prefix.slice(parent.length);
  const path =
    parent === "" ? folder : await resolveObjectPath(folder, { bucket, object: parent.slice(0, -1) });
  const names: string[] = [];
  // Read as a stream: the folder may hold the files of all batches, and only a few names match.
  for await (const entry of openEntries(path)) {
    if (!entry.name.startsWith(start)) continue;
    if (entry.isFile()) names.push(parent + entry.name);
    if (entry.isDirectory())
      names.push(...(await listRecursively(join(path, entry.name), parent + entry.name)));
  }
  return names.sort();
}

async function listRecursively(path: string, name: string): Promise<string[]> {
  const entries = await withDefaultIfMissing([], () =>
    readdir(path, { recursive: true, withFileTypes: true }),
  );
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => [name, ...relative(path, join(entry.parentPath, entry.name)).split(sep)].join("/"));
}

async function* openEntries(path: string): AsyncGenerator<Dirent> {
  const folder = await withDefaultIfMissing(undefined, () => opendir(path));
  if (folder) yield* folder;
}

/** Removes a file if it exists, and then each empty folder above it, up to the bucket. */
async function removeFile(bucketFolder: string, path: string): Promise<void> {
  const root = await withDefaultIfMissing(bucketFolder, () => realpath(bucketFolder));
  await withDefaultIfMissing(undefined, () => unlink(path));
  let folder = dirname(path);
  for (; folder.startsWith(root + sep); folder = dirname(folder)) if (!(await removeIfEmpty(folder))) break;
  await withDefaultIfMissing(undefined, () => syncFolder(folder));
}

/** Returns false if the folder is not empty. */
async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await withDefaultIfMissing(undefined, () => rmdir(folder));
    return true;
  } catch (error) {
    if (errorCode(error) === "ENOTEMPTY" || errorCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function withDefaultIfMissing<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return otherwise;
    throw error;
  }
}

/**
 * The path of an object with all links resolved. It is checked to be inside the bucket. Parts that do not exist yet
 * stay as they are written. Throws `OBJECT_NAME_INVALID`.
 */
export async function resolveObjectPath(folder: string, name: ObjectName): Promise<string> {
  const problem = nameProblem(name.object);
  if (problem) throw invalidName(name, problem);
  const root = await resolveExisting(folder);
  const path = await resolveExisting(join(folder, ...name.object.split("/")), name);
  if (!path.startsWith(root + sep)) throw invalidName(name, "a link leads out of the bucket");
  return path;
}

/** What is wrong with the name of an object, without a look at the file system. */
function nameProblem(object: string): string | undefined {
  if (object === "") return "it is empty";
  if (object.includes("\0")) return "it has a NUL character";
  if (object.includes("\\")) return "it has a backslash; folders are separated by /";
  if (object.startsWith("/") || /^[A-Za-z]:/.test(object)) return "it is an absolute path";
  const segments = object.split("/");
  if (segments.includes("..") || segments.includes(".")) return "it has a . or .. in its path";
  if (segments.includes("")) return "it has an empty folder or file name";
  return undefined;
}

/** `realpath` of the longest existing part of the path, followed by the rest as it is written. */
async function resolveExisting(path: string, name?: ObjectName): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = errorCode(error);
    if (name && (code === "ELOOP" || code === "ENAMETOOLONG"))
      throw invalidName(name, code === "ELOOP" ? "its links go round in a circle" : "it is too long");
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    const parent = dirname(path);
    return parent === path ? path : join(await resolveExisting(parent, name), basename(path));
  }
}

function invalidName(name: ObjectName, problem: string): BatonError {
  const shown = JSON.stringify(name.object.slice(0, 200));
  return new BatonError("OBJECT_NAME_INVALID", `${shown} is not the name of an object: ${problem}`, {
    where: `bucket ${name.bucket}`,
  });
}
