import { opendirSync, readFileSync, readlinkSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep, setImmediate as yieldToOthers } from "node:timers/promises";
import { errorCode } from "../../core/errors/errors.ts";

/** What bounds the search for the writers of new files. */
export const writerLimits = {
  /** File descriptors that one search for the writers of new files reads. With more open, writers are not found. */
  inboxDescriptors: 100_000,
} as const;

/** Access mode bits of the flags in `/proc/<pid>/fdinfo/<fd>`, octal (open(2)): 1 is write only, 2 read and write. */
const accessMode = 0o3;
/** How long a scan may block the event loop before it yields. */
const sliceMs = 5;
/** After a scan the next one waits for this many times its duration, so scans take at most a fifth of one processor. */
const restFactor = 4;
const minRestMs = 100;
/** Without a limit, the writers of files that are deleted while they are written would pile up. */
const maxKnownWriters = 1_000;

/** A file descriptor that is open for writing. */
interface Writer {
  readonly descriptor: string;
  readonly identity: string;
}

interface WriterQuery {
  readonly path: string;
  readonly answer: (writer: Writer | "none" | "unknown") => void;
}

/** The writers found so far, by path of the file: checking a known writer reads one descriptor, not all. */
const knownWriters = new Map<string, Writer>();
let pendingQueries: WriterQuery[] = [];
let isScanning = false;
let nextScanAt = 0;

/**
 * Whether a process has the file open for writing, at some moment after the call. Only Linux shows that, for processes
 * of the same user, and for all processes to root. Undefined if it is unknown: on other systems, for a file of another
 * user, and if more files are open than `writerLimits.inboxDescriptors`.
 *
 * Linux has no index from files to their descriptors, so a scan reads all descriptors. One scan runs at a time and
 * answers all queries made before it started. Scans pause for longer than they run.
 */
export async function isOpenForWriting(path: string): Promise<boolean | undefined> {
  if (process.platform !== "linux" || !(await canSeeWriters(path))) return undefined;
  const known = knownWriters.get(path);
  if (known && (await stillWrites(known))) return true;
  knownWriters.delete(path);
  const found = await new Promise<Writer | "none" | "unknown">((answer) => {
    pendingQueries.push({ path, answer });
    if (!isScanning) void scanUntilAnswered();
  });
  if (found === "unknown") return undefined;
  if (found === "none") return false;
  if (knownWriters.size >= maxKnownWriters) knownWriters.clear();
  knownWriters.set(path, found);
  return true;
}

/** Only root can read the descriptors of other users. The writers of a deleted file do not matter. */
async function canSeeWriters(path: string): Promise<boolean> {
  const user = process.geteuid?.();
  if (user === 0) return true;
  try {
    return (await stat(path)).uid === user;
  } catch (error) {
    return errorCode(error) === "ENOENT";
  }
}

async function scanUntilAnswered(): Promise<void> {
  isScanning = true;
  while (pendingQueries.length > 0) {
    await sleep(Math.max(0, nextScanAt - performance.now()));
    const queries = pendingQueries;
    pendingQueries = [];
    const workedMs = await answerAll(queries);
    nextScanAt = performance.now() + Math.max(minRestMs, workedMs * restFactor);
  }
  isScanning = false;
}

/** Returns its own duration, without the time of other work in between. */
async function answerAll(queries: readonly WriterQuery[]): Promise<number> {
  const scan = new DescriptorScan(await groupByName(queries));
  const isWhole = await scan.run();
  for (const { path, answer } of queries) answer(scan.writers.get(path) ?? (isWhole ? "none" : "unknown"));
  return scan.workedMs;
}

interface WantedFile {
  readonly path: string;
  readonly identity: string;
}

/** The wanted files by base name: only descriptors with one of these names are compared by identity. */
async function groupByName(
  queries: readonly WriterQuery[],
): Promise<ReadonlyMap<string, readonly WantedFile[]>> {
  const wanted = new Map<string, WantedFile[]>();
  for (const { path } of queries) {
    const identity = await readIdentity(path);
    if (identity === undefined) continue;
    const sameName = wanted.get(basename(path));
    if (sameName) sameName.push({ path, identity });
    else wanted.set(basename(path), [{ path, identity }]);
  }
  return wanted;
}

/**
 * One pass over the descriptors of all processes, the newest process first, as it is the likely writer of a new file.
 */
class DescriptorScan {
  readonly writers = new Map<string, Writer>();
  readonly #wanted: ReadonlyMap<string, readonly WantedFile[]>;
  #left: number = writerLimits.inboxDescriptors;
  #sliceBegan = performance.now();
  workedMs = 0;

  constructor(wanted: ReadonlyMap<string, readonly WantedFile[]>) {
    this.#wanted = wanted;
  }

  /** Returns false if there were too many descriptors to read all. */
  async run(): Promise<boolean> {
    if (this.#wanted.size === 0) return true;
    const entries = await readdir("/proc").catch((): string[] => []);
    const processes = entries.filter((name) => /^\d+$/.test(name)).map(Number);
    this.#sliceBegan = performance.now();
    for (const pid of processes.sort((a, b) => b - a))
      if (this.#left > 0) await this.#scanProcess(`/proc/${pid}`);
    this.workedMs += performance.now() - this.#sliceBegan;
    return processes.length > 0 && this.#left > 0;
  }

  /** Reads synchronously: /proc is memory, and each trip through the thread pool would take many times as long. */
  async #scanProcess(process: string): Promise<void> {
    const listing = openDescriptors(`${process}/fd`);
    if (!listing) return;
    try {
      for (let entry = listing.readSync(); entry && this.#left > 0; entry = listing.readSync()) {
        this.#left -= 1;
        const wanted = this.#wanted.get(readTargetName(`${process}/fd/${entry.name}`));
        if (wanted) await this.#compare(`${process}/fd/${entry.name}`, wanted);
        await this.#yieldIfSliceOver();
      }
    } catch {
      // The process has ended.
    } finally {
      listing.closeSync();
    }
  }

  async #compare(descriptor: string, wanted: readonly WantedFile[]): Promise<void> {
    if (!isOpenedForWriting(descriptor)) return;
    const identity = await readIdentity(descriptor);
    for (const { path, identity: wantedIdentity } of wanted)
      if (identity === wantedIdentity) this.writers.set(path, { descriptor, identity });
  }

  async #yieldIfSliceOver(): Promise<void> {
    const now = performance.now();
    if (now - this.#sliceBegan < sliceMs) return;
    this.workedMs += now - this.#sliceBegan;
    await yieldToOthers();
    this.#sliceBegan = performance.now();
  }
}

async function stillWrites({ descriptor, identity }: Writer): Promise<boolean> {
  return isOpenedForWriting(descriptor) && (await readIdentity(descriptor)) === identity;
}

/** Device and inode, because a process in a container sees the file under another path. */
async function readIdentity(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function openDescriptors(folder: string) {
  try {
    return opendirSync(folder, { bufferSize: 256 });
  } catch {
    // The process has ended, or belongs to another user.
    return undefined;
  }
}

/** The base name of a descriptor's file; empty if the descriptor is closed. */
function readTargetName(descriptor: string): string {
  try {
    return basename(readlinkSync(descriptor));
  } catch {
    return "";
  }
}

function isOpenedForWriting(descriptor: string): boolean {
  try {
    const info = readFileSync(descriptor.replace("/fd/", "/fdinfo/"), "utf8");
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? "0", 8);
    return (flags & accessMode) !== 0;
  } catch {
    return false;
  }
}
