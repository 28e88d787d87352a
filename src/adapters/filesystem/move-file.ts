import { stat, unlink } from "node:fs/promises";
import { dirname, posix } from "node:path";
import { BatonError, errorCode } from "../../core/errors/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";
import { fileChanged, fileMissing, linkOrCopy, syncFolder } from "./durable-files.ts";
import { changeSignature, type Fingerprint, FingerprintCache } from "./fingerprint.ts";

export interface LocatedFile {
  readonly name: ObjectName;
  readonly path: string;
  readonly fingerprint: Fingerprint;
}

export interface FileLocator {
  readonly resolvePath: (name: ObjectName) => Promise<string>;
  /** Throws `FILE_MISSING`. */
  readonly locate: (name: ObjectName) => Promise<LocatedFile>;
}

/**
 * Moves a file in two steps: it links the destination, which never replaces another file, and then unlinks the source.
 * After a crash between the steps, a second move completes the first.
 */
export async function moveFile(from: ObjectName, to: ObjectName, files: FileLocator): Promise<LocatedFile> {
  const source = await locateOrUndefined(from, files);
  if (!source || (from.generation !== undefined && from.generation !== source.fingerprint.generation)) {
    const moved = await findMoved(from, to, files);
    if (moved) return moved;
    throw source
      ? fileChanged(from, `has another content than the one asked for (${from.generation})`)
      : fileMissing(from);
  }
  const target = await linkOrFindMoved(source, to, files);
  if (target.path !== source.path) await removeUnlessRewritten(source);
  return target;
}

async function locateOrUndefined(name: ObjectName, files: FileLocator): Promise<LocatedFile | undefined> {
  try {
    return await files.locate(name);
  } catch (error) {
    if (error instanceof BatonError && error.code === "FILE_MISSING") return undefined;
    throw error;
  }
}

/** Only a generation shows that the file at the destination is the moved one, and not an older file. */
async function findMoved(
  from: ObjectName,
  to: ObjectName,
  files: FileLocator,
): Promise<LocatedFile | undefined> {
  if (from.generation === undefined) return undefined;
  for (const name of destinations(to, from.generation)) {
    const moved = await locateOrUndefined(name, files);
    if (moved?.fingerprint.generation === from.generation) return moved;
  }
  return undefined;
}

/** Another process may complete the same move first. Then the source is gone, and the file is at its destination. */
async function linkOrFindMoved(
  source: LocatedFile,
  to: ObjectName,
  files: FileLocator,
): Promise<LocatedFile> {
  try {
    return await linkToDestination(source, to, files);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    const { generation } = source.fingerprint;
    const moved = await findMoved({ ...source.name, generation }, to, files);
    if (moved) return moved;
    throw error;
  }
}

async function linkToDestination(
  source: LocatedFile,
  to: ObjectName,
  files: FileLocator,
): Promise<LocatedFile> {
  const { generation } = source.fingerprint;
  for (const name of destinations(to, generation)) {
    const placed = await linkAt(source, name, files);
    if (placed) return placed;
    const moved = await locateOrUndefined(name, files);
    if (moved?.fingerprint.generation === generation) return moved;
  }
  throw fileChanged(
    to,
    `can't be written: it, and the name with ${generation.slice(0, 8)}, hold something else`,
  );
}

/** Undefined if the name is taken. */
async function linkAt(
  source: LocatedFile,
  name: ObjectName,
  files: FileLocator,
): Promise<LocatedFile | undefined> {
  const path = await files.resolvePath(name);
  const { fingerprint } = source;
  try {
    const how = await linkOrCopy(source.path, path, async (copy) => {
      const { generation } = await new FingerprintCache().get(copy, name);
      if (generation !== fingerprint.generation) throw fileRewritten(source.name);
    });
    if (how === "linked") await unlinkIfRewritten(path, source);
  } catch (error) {
    if (errorCode(error) === "EEXIST") return undefined;
    throw error;
  }
  return { name, path, fingerprint };
}

/** The linked file may have been written since it was hashed. */
async function unlinkIfRewritten(path: string, source: LocatedFile): Promise<void> {
  if (changeSignature(await stat(path, { bigint: true })) === source.fingerprint.signature) return;
  await unlink(path);
  throw fileRewritten(source.name);
}

function fileRewritten(name: ObjectName): BatonError {
  return fileChanged(name, "was written while it was moved");
}

/** A file that was written since it was hashed stays: it is a new drop, with its own TaskBatch. */
async function removeUnlessRewritten(source: LocatedFile): Promise<void> {
  try {
    const now = await stat(source.path, { bigint: true });
    if (changeSignature(now) !== source.fingerprint.signature) return;
    await unlink(source.path);
    await syncFolder(dirname(source.path));
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

function destinations({ bucket, object }: ObjectName, generation: string): ObjectName[] {
  const { dir, name, ext } = posix.parse(object);
  const marked = posix.join(dir, `${name}.${generation.slice(0, 8)}${ext}`);
  return [
    { bucket, object },
    { bucket, object: marked },
  ];
}
