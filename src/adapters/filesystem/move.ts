import { stat, unlink } from "node:fs/promises";
import { dirname, posix } from "node:path";
import { BatonError, errorCode } from "../../core/errors/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";
import { fileChanged, fileMissing, linkOrCopy, syncFolder } from "./durable.ts";
import { changeSignature, type Fingerprint, FingerprintCache } from "./fingerprint.ts";

/** An object that was found. */
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
 * Moves a file in two steps, each of which may be the last one that happens: the destination gets its name, which
 * never replaces another file, and then the source loses its. A second move finishes what the first one began.
 */
export async function moveFile(from: ObjectName, to: ObjectName, places: FileLocator): Promise<LocatedFile> {
  const source = await locateOrUndefined(from, places);
  if (!source || (from.generation !== undefined && from.generation !== source.fingerprint.generation)) {
    const moved = await findMoved(from, to, places);
    if (moved) return moved;
    throw source
      ? fileChanged(from, `has another content than the one asked for (${from.generation})`)
      : fileMissing(from);
  }
  const target = await linkOrFindMoved(source, to, places);
  if (target.path !== source.path) await removeUnlessRewritten(source);
  return target;
}

async function locateOrUndefined(name: ObjectName, places: FileLocator): Promise<LocatedFile | undefined> {
  try {
    return await places.locate(name);
  } catch (error) {
    if (error instanceof BatonError && error.code === "FILE_MISSING") return undefined;
    throw error;
  }
}

/** Only a generation tells that what is there is what was moved, and not something older. */
async function findMoved(
  from: ObjectName,
  to: ObjectName,
  places: FileLocator,
): Promise<LocatedFile | undefined> {
  if (from.generation === undefined) return undefined;
  for (const name of destinations(to, from.generation)) {
    const there = await locateOrUndefined(name, places);
    if (there?.fingerprint.generation === from.generation) return there;
  }
  return undefined;
}

/** Somebody else may finish the same move first: then the source is gone, and the file is where it should be. */
async function linkOrFindMoved(
  source: LocatedFile,
  to: ObjectName,
  places: FileLocator,
): Promise<LocatedFile> {
  try {
    return await linkToDestination(source, to, places);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    const { generation } = source.fingerprint;
    const moved = await findMoved({ ...source.name, generation }, to, places);
    if (moved) return moved;
    throw error;
  }
}

async function linkToDestination(
  source: LocatedFile,
  to: ObjectName,
  places: FileLocator,
): Promise<LocatedFile> {
  const { generation } = source.fingerprint;
  for (const name of destinations(to, generation)) {
    const placed = await linkAt(source, name, places);
    if (placed) return placed;
    const there = await locateOrUndefined(name, places);
    if (there?.fingerprint.generation === generation) return there;
  }
  throw fileChanged(
    to,
    `can't be written: it, and the name with ${generation.slice(0, 8)}, hold something else`,
  );
}

/** Undefined when the name is taken. */
async function linkAt(
  source: LocatedFile,
  name: ObjectName,
  places: FileLocator,
): Promise<LocatedFile | undefined> {
  const path = await places.resolvePath(name);
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

/** The link may have caught a file that was written since it was hashed. */
async function unlinkIfRewritten(path: string, source: LocatedFile): Promise<void> {
  if (changeSignature(await stat(path, { bigint: true })) === source.fingerprint.signature) return;
  await unlink(path);
  throw fileRewritten(source.name);
}

function fileRewritten(name: ObjectName): BatonError {
  return fileChanged(name, "was written while it was moved");
}

/** A file that was written since it was looked at stays: it is a new drop, with a TaskBatch of its own. */
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
