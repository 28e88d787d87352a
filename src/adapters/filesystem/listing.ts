import type { Dirent } from "node:fs";
import { opendir, readdir, realpath, rmdir, unlink } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import { BatonError, codeOf } from "../../core/errors.ts";
import type { ObjectName, ObjectPrefix } from "../../ports/objects.ts";
import { syncFolder } from "./durable.ts";

/** The names of all files of the bucket that begin with the prefix, sorted. None where there is no such folder. */
export async function namesBelow(folder: string, { bucket, prefix }: ObjectPrefix): Promise<string[]> {
  const parent = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const start = prefix.slice(parent.length);
  const path = parent === "" ? folder : await pathOfObject(folder, { bucket, object: parent.slice(0, -1) });
  const names: string[] = [];
  // One by one: the folder may hold what all batches have left, and only a few names are asked for.
  for await (const entry of entriesOf(path)) {
    if (!entry.name.startsWith(start)) continue;
    if (entry.isFile()) names.push(parent + entry.name);
    if (entry.isDirectory()) names.push(...(await filesIn(join(path, entry.name), parent + entry.name)));
  }
  return names.sort();
}

async function filesIn(path: string, name: string): Promise<string[]> {
  const entries = await unlessGone([], () => readdir(path, { recursive: true, withFileTypes: true }));
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => [name, ...relative(path, join(entry.parentPath, entry.name)).split(sep)].join("/"));
}

async function* entriesOf(path: string): AsyncGenerator<Dirent> {
  const folder = await unlessGone(undefined, () => opendir(path));
  if (folder) yield* folder;
}

/** Removes a file, if it is there, and then every folder above it that is empty, below the bucket. */
export async function removeFile(bucketFolder: string, path: string): Promise<void> {
  const root = await unlessGone(bucketFolder, () => realpath(bucketFolder));
  await unlessGone(undefined, () => unlink(path));
  let folder = dirname(path);
  for (; folder.startsWith(root + sep); folder = dirname(folder)) if (!(await removeIfEmpty(folder))) break;
  await unlessGone(undefined, () => syncFolder(folder));
}

/** False when somebody has something in it, also something new. */
async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await unlessGone(undefined, () => rmdir(folder));
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOTEMPTY" || codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

async function unlessGone<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return otherwise;
    throw error;
  }
}

/**
 * The path of an object, with every link on the way followed, and proved to be inside the bucket.
 * What does not exist yet is kept as it is written. Throws `OBJECT_NAME_INVALID`.
 */
export async function pathOfObject(folder: string, name: ObjectName): Promise<string> {
  const problem = problemOfName(name.object);
  if (problem) throw invalid(name, problem);
  const root = await resolveExisting(folder);
  const path = await resolveExisting(join(folder, ...name.object.split("/")), name);
  if (!path.startsWith(root + sep)) throw invalid(name, "a link leads out of the bucket");
  return path;
}

/** What is wrong with the name of an object, whatever the file system holds. */
function problemOfName(object: string): string | undefined {
  if (object === "") return "it is empty";
  if (object.includes("\0")) return "it has a NUL character";
  if (object.includes("\\")) return "it has a backslash; folders are separated by /";
  if (object.startsWith("/") || /^[A-Za-z]:/.test(object)) return "it is an absolute path";
  const segments = object.split("/");
  if (segments.includes("..") || segments.includes(".")) return "it has a . or .. in its path";
  if (segments.includes("")) return "it has an empty folder or file name";
  return undefined;
}

/** `realpath` of the longest part that exists, and the rest as it is written. */
async function resolveExisting(path: string, name?: ObjectName): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    const code = codeOf(error);
    if (name && (code === "ELOOP" || code === "ENAMETOOLONG"))
      throw invalid(name, code === "ELOOP" ? "its links go round in a circle" : "it is too long");
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
    const parent = dirname(path);
    return parent === path ? path : join(await resolveExisting(parent, name), basename(path));
  }
}

function invalid(name: ObjectName, problem: string): BatonError {
  const shown = JSON.stringify(name.object.slice(0, 200));
  return new BatonError("OBJECT_NAME_INVALID", `${shown} is not the name of an object: ${problem}`, {
    where: `bucket ${name.bucket}`,
  });
}
