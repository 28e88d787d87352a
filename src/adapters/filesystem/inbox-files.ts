import type { BigIntStats } from "node:fs";
import { lstat, opendir, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { BatonError, codeOf, messageOf } from "../../core/errors.ts";

const unfinished = [".tmp", ".part", ".partial", ".crdownload"];

/** Whether a file or folder of that name is none of the inbox's business: hidden, a backup, or still being sent. */
function isIgnoredName(name: string): boolean {
  const lower = name.toLowerCase();
  return (
    name.startsWith(".") ||
    name.startsWith("~") ||
    name.endsWith("~") ||
    unfinished.some((ending) => lower.endsWith(ending))
  );
}

export function isIgnoredObject(object: string): boolean {
  return object.split("/").some(isIgnoredName);
}

/** The folder with its links followed, and what tells it from another of the same name. Throws `INBOX_MISSING`. */
export async function openFolder(
  folder: string,
): Promise<{ readonly path: string; readonly identity: string }> {
  try {
    const path = await realpath(folder);
    const listing = await opendir(path);
    await listing.close();
    // The dot needs the right to enter the folder, not only to list it.
    const stats = await stat(`${path}/.`);
    return { path, identity: `${path}:${stats.dev}:${stats.ino}` };
  } catch (error) {
    throw new BatonError("INBOX_MISSING", `The inbox can't be read: ${messageOf(error)}`, {
      where: folder,
      cause: error,
    });
  }
}

/** Names, with `/`, of all files below the folder. Subfolders that can't be read are told, and passed over. */
export async function* filesBelow(
  folder: string,
  onUnreadable: (subfolder: string, error: unknown) => void,
  prefix = "",
): AsyncGenerator<string> {
  for (const entry of await entriesOf(folder, prefix, onUnreadable)) {
    if (isIgnoredName(entry.name)) continue;
    const object = prefix + entry.name;
    if (entry.isDirectory()) yield* filesBelow(folder, onUnreadable, `${object}/`);
    else if (entry.isFile()) yield object;
  }
}

async function entriesOf(
  folder: string,
  prefix: string,
  onUnreadable: (subfolder: string, error: unknown) => void,
) {
  try {
    return await readdir(join(folder, prefix), { withFileTypes: true });
  } catch (error) {
    // Gone since it was opened or listed: the next look finds out.
    if (codeOf(error) === "ENOENT") return [];
    if (prefix === "") throw error;
    onUnreadable(prefix, error);
    return [];
  }
}

/** Undefined for what is gone, and for everything that is no regular file: links too, as they may lead outside. */
export async function statFile(folder: string, object: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await lstat(join(folder, object), { bigint: true });
    return stats.isFile() ? stats : undefined;
  } catch {
    return undefined;
  }
}
