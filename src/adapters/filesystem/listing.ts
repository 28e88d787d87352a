import type { Dirent } from "node:fs";
import { opendir, readdir, realpath, rmdir, unlink } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { codeOf } from "../../core/errors.ts";
import type { ObjectPrefix } from "../../ports/objects.ts";
import { syncFolder } from "./durable.ts";
import { pathOfObject } from "./object-path.ts";

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
