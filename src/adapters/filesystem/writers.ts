import { readdir, readFile, readlink } from "node:fs/promises";

/** Access mode bits of the flags in `/proc/<pid>/fdinfo/<fd>`, octal (open(2)): 1 is write only, 2 read and write. */
const accessMode = 0o3;
/** A scan serves everybody who asks within so long, about a file that has not changed since it began. */
const freshMs = 200;

let latest: { readonly at: number; readonly paths: Promise<ReadonlySet<string>> } | undefined;

/**
 * Whether some process has the file open for writing, as far as this one may see: on Linux, those of the same user (root
 * sees all). Elsewhere nobody can tell, and the answer is false. `changedAt` is when it was last seen to change, by
 * `performance.now`.
 */
export async function isOpenForWriting(path: string, changedAt: number): Promise<boolean> {
  const now = performance.now();
  if (!latest || now - latest.at > freshMs || latest.at <= changedAt)
    latest = { at: now, paths: filesOpenForWriting() };
  return (await latest.paths).has(path);
}

async function filesOpenForWriting(): Promise<ReadonlySet<string>> {
  const processes = await listing("/proc");
  const paths = await Promise.all(processes.filter((name) => /^\d+$/.test(name)).map(writtenBy));
  return new Set(paths.flat());
}

async function writtenBy(pid: string): Promise<string[]> {
  const descriptors = await listing(`/proc/${pid}/fd`);
  const paths = await Promise.all(descriptors.map((descriptor) => writtenPath(pid, descriptor)));
  return paths.filter((path) => path !== undefined);
}

async function writtenPath(pid: string, descriptor: string): Promise<string | undefined> {
  try {
    const path = await readlink(`/proc/${pid}/fd/${descriptor}`);
    if (!path.startsWith("/")) return undefined;
    const info = await readFile(`/proc/${pid}/fdinfo/${descriptor}`, "utf8");
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "0", 8);
    return (flags & accessMode) === 0 ? undefined : path;
  } catch {
    // The process or the descriptor has gone, or is another user's.
    return undefined;
  }
}

async function listing(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
}
