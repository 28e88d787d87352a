import type { BigIntStats } from "node:fs";
import { lstat, opendir, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { isPassedOverName } from "../../core/drops.ts";
import { BatonError, codeOf, messageOf } from "../../core/errors.ts";

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

export interface Walk {
  readonly folder: string;
  /** Whether the subfolder can be left out. Its name ends in `/`. */
  readonly passesOver: (subfolder: string) => boolean;
  readonly onUnreadable: (subfolder: string, error: unknown) => void;
}

/** Names, with `/`, of all files below the folder. Subfolders that can't be read are told, and passed over. */
export async function* filesBelow(walk: Walk, prefix = ""): AsyncGenerator<string> {
  for (const entry of await entriesOf(walk, prefix)) {
    if (isPassedOverName(entry.name)) continue;
    const object = prefix + entry.name;
    if (entry.isFile()) yield object;
    else if (entry.isDirectory() && !walk.passesOver(`${object}/`)) yield* filesBelow(walk, `${object}/`);
  }
}

async function entriesOf({ folder, onUnreadable }: Walk, prefix: string) {
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

/** Whether there is no such file any more, for sure: what can't be read now may be there all the same. */
export async function isGone(folder: string, object: string): Promise<boolean> {
  try {
    await lstat(join(folder, object));
    return false;
  } catch (error) {
    return codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR";
  }
}
