import { pipeline } from "node:stream";
import { createGunzip, createZstdDecompress, type ZstdDecompress } from "node:zlib";
import { limits } from "../limits.ts";
import { FileProblem } from "./file-problem.ts";

export type Compression = "gzip" | "zstd";

const magics: readonly (readonly [Compression, readonly number[]])[] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

/** How a file is compressed, by its first bytes. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  return magics.find(([, magic]) => magic.every((byte, index) => head[index] === byte))?.[0];
}

/**
 * The bytes of a file, decompressed if it is gzip or Zstandard. Throws a `FileProblem`, also if they are more than
 * `mostBytes`: a small file can be packed so that it fills the disk.
 */
export async function* decompress(
  bytes: AsyncIterable<Uint8Array>,
  mostBytes: number = limits.unpackedFileBytes,
): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    head = concatenate(head, next.value);
    if (head.length >= 4) break;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  const compression = compressionOf(head);
  if (!compression) return yield* all();
  try {
    yield* limited(
      compression === "gzip" ? pipeline(all(), createGunzip(), () => undefined) : unzstd(all()),
      mostBytes,
    );
  } catch (thrown) {
    if (!(thrown instanceof Error && "code" in thrown && /^Z_|^ZSTD_/.test(String(thrown.code))))
      throw thrown;
    const name = compression === "gzip" ? "gzip" : "Zstandard";
    throw new FileProblem(undefined, `it is compressed by ${name}, and damaged or cut off; send it again`);
  }
}

async function* limited(bytes: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > mostBytes) {
      const most = `${mostBytes / 1024 ** 3} GiB`;
      throw new FileProblem(
        undefined,
        `it is larger than ${most} when it is unpacked; split it into several files`,
      );
    }
    yield chunk;
  }
}

/**
 * Node's decompressor ends at the end of a frame if more follows in the same chunk, and parallel compressors write many
 * frames. So the rest of such a chunk begins another decompressor.
 */
async function* unzstd(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = bytes[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  let hasEnded = false;
  while (!hasEnded) {
    const stream = createZstdDecompress();
    const feed = async () => {
      for (let isInFrame = true; isInFrame; ) {
        if (rest.length === 0) {
          const next = await input.next();
          hasEnded = next.done === true;
          if (next.done) break;
          rest = next.value;
        }
        const used = await writeTo(stream, rest);
        isInFrame = used === rest.length;
        rest = rest.subarray(used);
      }
      stream.end();
    };
    const feeding = feed().catch((thrown) => stream.destroy(thrown));
    yield* stream;
    await feeding;
  }
}

/** The number of bytes that the decompressor has used. */
function writeTo(stream: ZstdDecompress, chunk: Uint8Array): Promise<number> {
  const before = stream.bytesWritten;
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve(stream.bytesWritten - before)));
  });
}

export function concatenate(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
