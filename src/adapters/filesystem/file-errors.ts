import { BatonError, codeOf, messageOf } from "../../core/errors.ts";
import type { ObjectName } from "../../ports/objects.ts";

export function missing(name: ObjectName, problem = "there is no such file"): BatonError {
  return new BatonError("FILE_MISSING", `${name.object}: ${problem}`, { where: `bucket ${name.bucket}` });
}

export function changed(name: ObjectName, problem: string): BatonError {
  return new BatonError("FILE_CHANGED", `${name.object} ${problem}`, { where: `bucket ${name.bucket}` });
}

/** A system error as Baton tells it. */
export function explainFileError(error: unknown, name: ObjectName): unknown {
  if (error instanceof BatonError) return error;
  const context = { where: `bucket ${name.bucket}`, cause: error };
  switch (codeOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return missing(name);
    case "EISDIR":
      return missing(name, "it is a folder, not a file");
    case "EEXIST":
      return missing(name, "a part of its path is a file, not a folder");
    case "EACCES":
    case "EPERM":
      return new BatonError("FILE_DENIED", `${name.object}: ${messageOf(error)}`, context);
    case "EROFS":
      return new BatonError("STORE_READ_ONLY", `${name.object}: ${messageOf(error)}`, context);
    case "ENOSPC":
    case "EDQUOT":
      return new BatonError("STORE_DISK_FULL", `${name.object}: ${messageOf(error)}`, context);
    default:
      return error;
  }
}
