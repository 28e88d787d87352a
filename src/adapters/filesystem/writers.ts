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
/** How long a scan may keep the event loop from other work before it lets that run. */
const sliceMs = 5;
/** A scan is followed by a rest of this many times the time that it worked: scans get a fifth of one processor. */
const restFactor = 4;
const minRestMs = 100;
/** Writers that are remembered: files that are removed while they are written are never asked for again. */
const maxKnownWriters = 1_000;

/** A descriptor through which a file is written. */
interface Writer {
  readonly descriptor: string;
  readonly identity: string;
}

interface WriterQuery {
  readonly path: string;
  readonly answer: (writer: Writer | "none" | "unknown") => void;
}

/** The writers that were found, by path: whether one still writes is one file to read, not all of them. */
const knownWriters = new Map<string, Writer>();
let pendingQueries: WriterQuery[] = [];
let isScanning = false;
let restsUntil = 0;

/**
 * Whether some process has the file open for writing, as far as this one may see: on Linux, those of the same user;
 * root sees all. Undefined when that can't be told: on other systems, of a file of another user, and where more files
 * are open than `writerLimits.inboxDescriptors`. The answer is of a moment after the call.
 *
 * Linux has no index from files to those who have them open that Node could ask. So all descriptors are read, but by
 * one scan at a time, which answers all questions that came before it began; and scans rest for longer than they
 * work.
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

/** Others' descriptors can be read by root only. A file that is gone has no writer that matters. */
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
    await sleep(Math.max(0, restsUntil - performance.now()));
    const questions = pendingQueries;
    pendingQueries = [];
    const workedMs = await answerAll(questions);
    restsUntil = performance.now() + Math.max(minRestMs, workedMs * restFactor);
  }
  isScanning = false;
}

/** Gives the time that it worked, without the time that other work had in between. */
async function answerAll(questions: readonly WriterQuery[]): Promise<number> {
  const scan = new DescriptorScan(await groupByName(questions));
  const isWhole = await scan.run();
  for (const { path, answer } of questions) answer(scan.writers.get(path) ?? (isWhole ? "none" : "unknown"));
  return scan.workedMs;
}

interface WantedFile {
  readonly path: string;
  readonly identity: string;
}

/** What is sought, by the last part of its name: only descriptors of such a name are looked at more closely. */
async function groupByName(
  questions: readonly WriterQuery[],
): Promise<ReadonlyMap<string, readonly WantedFile[]>> {
  const sought = new Map<string, WantedFile[]>();
  for (const { path } of questions) {
    const identity = await readIdentity(path);
    if (identity === undefined) continue;
    const sameName = sought.get(basename(path));
    if (sameName) sameName.push({ path, identity });
    else sought.set(basename(path), [{ path, identity }]);
  }
  return sought;
}

/** One pass over the descriptors of all processes, the newest process first: that is who writes a new file. */
class DescriptorScan {
  readonly writers = new Map<string, Writer>();
  readonly #wanted: ReadonlyMap<string, readonly WantedFile[]>;
  #left: number = writerLimits.inboxDescriptors;
  #sliceBegan = performance.now();
  workedMs = 0;

  constructor(sought: ReadonlyMap<string, readonly WantedFile[]>) {
    this.#wanted = sought;
  }

  /** False when there were too many descriptors, so that some were not looked at. */
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

  /** Reads synchronously, as /proc is memory: each turn through the thread pool would take many times as long. */
  async #scanProcess(process: string): Promise<void> {
    const listing = openDescriptors(`${process}/fd`);
    if (!listing) return;
    try {
      for (let entry = listing.readSync(); entry && this.#left > 0; entry = listing.readSync()) {
        this.#left -= 1;
        const sought = this.#wanted.get(readTargetName(`${process}/fd/${entry.name}`));
        if (sought) await this.#compare(`${process}/fd/${entry.name}`, sought);
        await this.#yieldIfSliceOver();
      }
    } catch {
      // The process has ended meanwhile.
    } finally {
      listing.closeSync();
    }
  }

  async #compare(descriptor: string, sought: readonly WantedFile[]): Promise<void> {
    if (!isOpenedForWriting(descriptor)) return;
    const identity = await readIdentity(descriptor);
    for (const { path, identity: wanted } of sought)
      if (identity === wanted) this.writers.set(path, { descriptor, identity });
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

/** Device and inode: a process in a container knows the file by another path. */
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
    // The process has ended, or is another user's.
    return undefined;
  }
}

/** The name of the file that a descriptor is of; empty when the descriptor has gone. */
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
