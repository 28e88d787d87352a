import type { BigIntStats } from "node:fs";
import type { DropRecord, FileStat } from "../../ports/objects.ts";
import { contentHash, dropGeneration } from "./fingerprint.ts";

/** How long a new file must be quiet before it counts as written. */
export const quietLimits = {
  /** Factor on `inboxStableMs` where the system does not show whether a file is open for writing. */
  inboxUnseenFactor: 3,
  /** Longest wait for a file whose writer has paused before. */
  inboxGrowingMs: 10_000,
} as const;

/** How long a file must not have changed before it is taken. */
export interface QuietTimes {
  readonly stableMs: number;
  /** For a file of which the system does not show whether it is open for writing. */
  readonly unseenMs: number;
  /** Longest wait for a file whose writer pauses. */
  readonly growingMs: number;
}

const maxBackOffMs = 60_000;

/** A file of the inbox: its current state on disk, and its last drop. */
export class DroppedFile {
  stat: FileStat;
  /** The change time of its content, name or rights. Unlike the modification time it can't be set back. */
  changedNs: bigint;
  /** Whether the initial scan found it. */
  readonly isFromInitialScan: boolean;
  isBusy = false;
  #drop: DropRecord | undefined;
  /** When it last changed, by the monotonic clock of this process. */
  #sinceMs: number;
  #quietMs: number;
  #failures = 0;
  #retryAtMs = 0;
  readonly #times: QuietTimes;

  constructor(stats: BigIntStats, drop: DropRecord | undefined, isOld: boolean, times: QuietTimes) {
    this.stat = toFileStat(stats);
    this.changedNs = stats.ctimeNs;
    this.isFromInitialScan = isOld;
    this.#drop = drop;
    this.#sinceMs = performance.now();
    this.#times = times;
    this.#quietMs = times.stableMs;
  }

  /** Whether its current state was announced. */
  get isAnnounced(): boolean {
    return this.#drop?.isAnnounced === true && isSameStat(this.#drop.stat, this.stat);
  }

  get hasGrownSinceDrop(): boolean {
    return this.#drop !== undefined && hasGrown(this.#drop.stat, this.stat);
  }

  /** Updates its state. `quietForMs`: how long it is known not to have changed. */
  update(stats: BigIntStats, quietForMs: number): void {
    const stat = toFileStat(stats);
    const now = performance.now();
    if (!isSameStat(stat, this.stat)) {
      // A writer that has paused may pause again, so the next quiet time is twice as long as the pause.
      const pausedMs = now - this.#sinceMs;
      const { stableMs, growingMs } = this.#times;
      const isPausing = hasGrown(this.stat, stat) && pausedMs < growingMs;
      this.#quietMs = isPausing ? Math.min(Math.max(stableMs, 2 * pausedMs), growingMs) : stableMs;
      this.#sinceMs = now;
    }
    this.#sinceMs = Math.min(this.#sinceMs, now - quietForMs);
    this.stat = stat;
    this.changedNs = stats.ctimeNs;
  }

  /** Whether it has not changed for long enough. `isOpen`: whether it is open for writing; undefined if unknown. */
  isQuiet(isOpen: boolean | undefined): boolean {
    if (isOpen) return false;
    const requiredMs = isOpen === undefined ? Math.max(this.#quietMs, this.#times.unseenMs) : this.#quietMs;
    return performance.now() - this.#sinceMs >= requiredMs;
  }

  /** The generation to announce. Not new if the same content was announced and a copy has set its times back since. */
  dropFor(
    content: string,
    hasOlderBatches: boolean,
  ): { readonly generation: string; readonly isNew: boolean } {
    const before = this.#drop;
    // The process died while announcing it, so it may have been announced.
    if (before && !before.isAnnounced && isSameStat(before.stat, this.stat))
      return { generation: before.generation, isNew: true };
    if (before && contentHash(before.generation) === content && hasEarlierTime(before.stat, this.stat))
      return { generation: before.generation, isNew: false };
    const isKnownByContent = this.isFromInitialScan && hasOlderBatches && before === undefined;
    return {
      generation: isKnownByContent ? content : dropGeneration(content, this.changedNs),
      isNew: true,
    };
  }

  /** Starts a back-off after a failed announcement. */
  fail(): void {
    const waitMs = this.#times.stableMs * 2 ** this.#failures;
    this.#failures += 1;
    this.#retryAtMs = performance.now() + Math.min(waitMs, maxBackOffMs);
  }

  get isBackingOff(): boolean {
    return performance.now() < this.#retryAtMs;
  }

  remember(drop: DropRecord): void {
    this.#drop = drop;
  }
}

export function toFileStat({ ino, size, mtimeNs }: BigIntStats): FileStat {
  return { inode: String(ino), bytes: String(size), modifiedNs: String(mtimeNs) };
}

export function isSameStat(one: FileStat, other: FileStat): boolean {
  return one.inode === other.inode && one.bytes === other.bytes && one.modifiedNs === other.modifiedNs;
}

function hasGrown(before: FileStat, now: FileStat): boolean {
  return before.inode === now.inode && BigInt(now.bytes) > BigInt(before.bytes);
}

function hasEarlierTime(before: FileStat, now: FileStat): boolean {
  return before.inode === now.inode && BigInt(now.modifiedNs) <= BigInt(before.modifiedNs);
}
