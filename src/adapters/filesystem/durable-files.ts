import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { link, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BatonError, errorCode, errorMessage } from "../../core/errors/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";

/** A hidden name in the same folder, which the inbox and globs skip. */
function temporaryPathFor(path: string): string {
  return join(dirname(path), `.baton-${randomUUID()}.tmp`);
}

/** Replaces a file atomically: a reader sees the old content or the new, also after a power cut. */
export async function writeDurably(path: string, content: Uint8Array): Promise<void> {
  await createFolder(dirname(path));
  const temporary = temporaryPathFor(path);
  try {
    await writeAndSync(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function writeAndSync(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, "wx");
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Gives the file a second name. Throws `EEXIST` if that name is taken. Without hard links, or on another device, the
 * file is copied, and `verify` must accept the copy before it gets the name.
 */
export async function linkOrCopy(
  source: string,
  target: string,
  verify: (copy: string) => Promise<void>,
): Promise<"linked" | "copied"> {
  await createFolder(dirname(target));
  const linked = await tryLink(source, target);
  if (!linked) await copyDurably(source, target, verify);
  await syncFolder(dirname(target));
  return linked ? "linked" : "copied";
}

/** Returns false if the file system has no hard links, or the names are on different devices. */
async function tryLink(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (error) {
    if (noLinkCodes.has(errorCode(error))) return false;
    throw error;
  }
}

const noLinkCodes: ReadonlySet<unknown> = new Set([
  "EXDEV",
  "EPERM",
  "EMLINK",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
]);

/** The copy of `linkOrCopy`. */
export async function copyDurably(
  source: string,
  target: string,
  verify: (copy: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryPathFor(target);
  try {
    await pipeline(createReadStream(source), createWriteStream(temporary, { flags: "wx", flush: true }));
    await verify(temporary);
    await claimName(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * A rename would replace an existing file. Without hard links the name is reserved first, which fails if it is taken.
 */
async function claimName(temporary: string, target: string): Promise<void> {
  if (await tryLink(temporary, target)) return;
  const reservation = await open(target, "wx");
  await reservation.close();
  await rename(temporary, target);
}

async function createFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/** Makes the created and deleted names of a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function fileMissing(name: ObjectName, problem = "there is no such file"): BatonError {
  return new BatonError("FILE_MISSING", `${name.object}: ${problem}`, { where: `bucket ${name.bucket}` });
}

export function fileChanged(name: ObjectName, problem: string): BatonError {
  return new BatonError("FILE_CHANGED", `${name.object} ${problem}`, { where: `bucket ${name.bucket}` });
}

/** Converts a system error to a coded error that names the object. */
export function toFileError(error: unknown, name: ObjectName): unknown {
  if (error instanceof BatonError) return error;
  const context = { where: `bucket ${name.bucket}`, cause: error };
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return fileMissing(name);
    case "EISDIR":
      return fileMissing(name, "it is a folder, not a file");
    case "EEXIST":
      return fileMissing(name, "a part of its path is a file, not a folder");
    case "EACCES":
    case "EPERM":
      return new BatonError("FILE_DENIED", `${name.object}: ${errorMessage(error)}`, context);
    case "EROFS":
      return new BatonError("STORE_READ_ONLY", `${name.object}: ${errorMessage(error)}`, context);
    case "ENOSPC":
    case "EDQUOT":
      return new BatonError("STORE_DISK_FULL", `${name.object}: ${errorMessage(error)}`, context);
    default:
      return error;
  }
}
