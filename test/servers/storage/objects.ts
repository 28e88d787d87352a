import { createHash } from "node:crypto";
import { invalid, noSuchBucket, noSuchObject } from "./answers.ts";
import { crc32c } from "./crc32c.ts";

/** What a client may say of an object, besides its content. */
export interface Described {
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly cacheControl?: string | undefined;
  readonly customTime?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface StoredObject {
  readonly bucket: string;
  readonly object: string;
  readonly generation: bigint;
  readonly metageneration: bigint;
  readonly content: Buffer;
  readonly described: Described;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** The objects of all buckets, and what was overwritten or removed by name alone, where that is kept. */
export class Objects {
  readonly #buckets = new Map<string, Map<string, StoredObject>>();
  readonly #keepsVersions: boolean;
  #noncurrent: readonly StoredObject[] = [];
  #lastGeneration = 0n;

  constructor(options: { readonly keepsVersions: boolean }) {
    this.#keepsVersions = options.keepsVersions;
  }

  createBucket(bucket: string): void {
    if (!this.#buckets.has(bucket)) this.#buckets.set(bucket, new Map());
  }

  hasBucket(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  find(bucket: string, object: string): StoredObject | undefined {
    return this.#bucket(bucket).get(object);
  }

  /** The object, of the generation that is selected, if one is. */
  get(bucket: string, object: string, selected: string | null): StoredObject {
    const live = this.find(bucket, object);
    const found =
      selected === null
        ? live
        : this.versions(bucket).find((one) => one.object === object && String(one.generation) === selected);
    if (!found) throw noSuchObject(bucket, selected === null ? object : `${object}#${selected}`);
    return found;
  }

  put(bucket: string, object: string, content: Buffer, described: Described): StoredObject {
    refuseName(object);
    const now = new Date().toISOString();
    const stored: StoredObject = {
      bucket,
      object,
      content,
      described,
      generation: this.#nextGeneration(),
      metageneration: 1n,
      createdAt: now,
      updatedAt: now,
    };
    this.#keepVersion(this.find(bucket, object));
    this.#bucket(bucket).set(object, stored);
    return stored;
  }

  describe(found: StoredObject, described: Described): StoredObject {
    const patched = {
      ...found,
      described,
      metageneration: found.metageneration + 1n,
      updatedAt: new Date().toISOString(),
    };
    this.#bucket(found.bucket).set(found.object, patched);
    return patched;
  }

  /** For good when its generation was selected; else it is kept where overwritten ones are. */
  remove(found: StoredObject, { isSelected }: { readonly isSelected: boolean }): void {
    const { bucket, object } = found;
    const isLive = this.find(bucket, object) === found;
    if (isLive) this.#bucket(bucket).delete(object);
    if (isSelected) this.#noncurrent = this.#noncurrent.filter((one) => one !== found);
    else this.#keepVersion(found);
  }

  /** In the order of their names, as bytes. */
  list(bucket: string): StoredObject[] {
    return [...this.#bucket(bucket).values()].sort(byNameAndGeneration);
  }

  /** Those that were overwritten or removed as well. */
  versions(bucket: string): StoredObject[] {
    const noncurrent = this.#noncurrent.filter((one) => one.bucket === bucket);
    return [...this.#bucket(bucket).values(), ...noncurrent].sort(byNameAndGeneration);
  }

  #keepVersion(replaced: StoredObject | undefined): void {
    if (replaced && this.#keepsVersions) this.#noncurrent = [...this.#noncurrent, replaced];
  }

  #bucket(bucket: string): Map<string, StoredObject> {
    const found = this.#buckets.get(bucket);
    if (!found) throw noSuchBucket();
    return found;
  }

  /** Microseconds, always rising. */
  #nextGeneration(): bigint {
    const now = BigInt(Date.now()) * 1000n;
    this.#lastGeneration = now > this.#lastGeneration ? now : this.#lastGeneration + 1n;
    return this.#lastGeneration;
  }
}

export function byNameAndGeneration(one: Versioned, other: Versioned): number {
  const byName = Buffer.compare(Buffer.from(one.object), Buffer.from(other.object));
  return byName || (one.generation < other.generation ? -1 : Number(one.generation > other.generation));
}

type Versioned = Pick<StoredObject, "object" | "generation">;

function refuseName(object: string): void {
  const isWrong = object === "" || object === "." || object === ".." || /[\r\n]/.test(object);
  if (isWrong || Buffer.byteLength(object) > 1024) throw invalid(`Invalid object name: '${object}'.`);
}

export function hashesOf(content: Buffer): { readonly md5Hash: string; readonly crc32c: string } {
  return { md5Hash: createHash("md5").update(content).digest("base64"), crc32c: crc32c(content) };
}

/** The object as JSON. */
export function resourceOf(stored: StoredObject): Readonly<Record<string, unknown>> {
  const { bucket, object, generation, metageneration, content, described } = stored;
  return {
    kind: "storage#object",
    id: `${bucket}/${object}/${generation}`,
    name: object,
    bucket,
    generation: String(generation),
    metageneration: String(metageneration),
    storageClass: "STANDARD",
    size: String(content.length),
    ...hashesOf(content),
    ...described,
    timeCreated: stored.createdAt,
    updated: stored.updatedAt,
    etag: Buffer.from(`${generation}/${metageneration}`).toString("base64"),
  };
}
