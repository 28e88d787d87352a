import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { ObjectName } from "../../ports/objects.ts";
import { fileChanged, fileMissing } from "./durable-files.ts";

/** The state of a file at one moment. */
export interface Fingerprint {
  /** First 32 hexadecimal characters of the SHA-256 of the content. */
  readonly generation: string;
  readonly bytes: number;
  /** Equal until the file is written again. */
  readonly signature: string;
}

const hashCharacters = 32;
const readBytes = 1024 * 1024;
const cachedFiles = 10_000;
const maxReads = 3;
/** A link that replaced the file meanwhile is not followed, and a pipe does not block. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** On file systems with coarse clocks, a file written this recently could be written again without a new time. */
const settledMs = 2_000;

/** Device, inode, size and modification time. It changes with every write, and costs no read of the content. */
export function changeSignature(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

/** Hashes files as streams, and caches the hashes of files that have not changed since. */
export class FingerprintCache {
  readonly #cache = new Map<string, { readonly stamp: string; readonly fingerprint: Fingerprint }>();

  /** Throws `FILE_MISSING`, and `FILE_CHANGED` if the file is written during every read. */
  async get(path: string, name: ObjectName): Promise<Fingerprint> {
    const file = await open(path, readFlags);
    try {
      return await this.#readOpen(file, path, name);
    } finally {
      await file.close();
    }
  }

  async #readOpen(file: FileHandle, path: string, name: ObjectName): Promise<Fingerprint> {
    for (let attempt = 1; attempt <= maxReads; attempt += 1) {
      const before = await file.stat({ bigint: true });
      if (!before.isFile()) throw fileMissing(name, "it is not a file");
      // The change time too: unlike the modification time, the file's writer can't set it back.
      const stamp = `${changeSignature(before)}:${before.ctimeNs}`;
      const known = this.#cache.get(path);
      if (known?.stamp === stamp) return known.fingerprint;
      const generation = await hashFile(file);
      const after = await file.stat({ bigint: true });
      if (`${changeSignature(after)}:${after.ctimeNs}` !== stamp) continue;
      const fingerprint = { generation, bytes: Number(before.size), signature: changeSignature(before) };
      if (Math.abs(Date.now() - Number(before.ctimeMs)) > settledMs) this.#remember(path, stamp, fingerprint);
      return fingerprint;
    }
    throw fileChanged(name, "is being written while it is read");
  }

  #remember(path: string, stamp: string, fingerprint: Fingerprint): void {
    this.#cache.delete(path);
    this.#cache.set(path, { stamp, fingerprint });
    const oldest = this.#cache.keys().next();
    if (this.#cache.size > cachedFiles && !oldest.done) this.#cache.delete(oldest.value);
  }
}

/** The generation of content: the first 32 hexadecimal characters of its SHA-256. */
export function contentGeneration(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, hashCharacters);
}

/** `contentGeneration` of a file, without holding it in memory. */
async function hashFile(file: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(readBytes);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return hash.digest("hex").slice(0, hashCharacters);
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}

/**
 * The generation of a dropped file: the hash of its content and its change time. The same bytes dropped again are
 * another drop, as in Cloud Storage, and all processes compute the same generation for one drop.
 */
export function dropGeneration(content: string, changedNs: bigint): string {
  return `${content}-${changedNs.toString(36)}`;
}

/** The part of a generation that identifies the content. */
export function contentHash(generation: string): string {
  const dash = generation.indexOf("-");
  return dash === -1 ? generation : generation.slice(0, dash);
}
