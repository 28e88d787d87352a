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

/** The live objects of all buckets. */
export class Objects {
  readonly #buckets = new Map<string, Map<string, StoredObject>>();
  #lastGeneration = 0n;

  createBucket(bucket: string): void {
    if (!this.#buckets.has(bucket)) this.#buckets.set(bucket, new Map());
  }

  hasBucket(bucket: string): boolean {
    return this.#buckets.has(bucket);
  }

  find(bucket: string, object: string): StoredObject | undefined {
    return this.#bucket(bucket).get(object);
  }

  /** The object, of the generation that is selected, if one is: replaced ones are not kept. */
  get(bucket: string, object: string, selected: string | null): StoredObject {
    const found = this.find(bucket, object);
    if (!found || (selected !== null && selected !== String(found.generation)))
      throw noSuchObject(bucket, selected === null ? object : `${object}#${selected}`);
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

  remove({ bucket, object }: StoredObject): void {
    this.#bucket(bucket).delete(object);
  }

  /** In the order of their names, as bytes. */
  list(bucket: string): StoredObject[] {
    return [...this.#bucket(bucket).values()].sort((one, other) =>
      Buffer.compare(Buffer.from(one.object), Buffer.from(other.object)),
    );
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
