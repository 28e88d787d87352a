import { realpath } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { BatonError, codeOf } from "../../core/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";

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
