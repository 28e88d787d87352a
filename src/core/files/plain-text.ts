import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { FileProblem } from "./column-values.ts";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be";

/** How the text of a file is encoded. */
export interface TextFormat {
  readonly isGzip: boolean;
  readonly encoding: Encoding;
  readonly hasMark: boolean;
}

export function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** Reads the byte order mark. Throws a `FileProblem` for UTF-16 without one, and for files that are no text. */
export function detectEncoding(head: Uint8Array): Omit<TextFormat, "isGzip"> {
  const [first, second, third] = head;
  if (first === 0xff && second === 0xfe) return { encoding: "utf-16le", hasMark: true };
  if (first === 0xfe && second === 0xff) return { encoding: "utf-16be", hasMark: true };
  if (first === 0xef && second === 0xbb && third === 0xbf) return { encoding: "utf-8", hasMark: true };
  const zero = head.indexOf(0);
  if (zero === -1) return { encoding: "utf-8", hasMark: false };
  const kind = otherKinds.find(([magic]) => magic.every((byte, index) => head[index] === byte))?.[1];
  if (kind !== undefined) throw new FileProblem(undefined, `it is ${kind}, not text`);
  // In UTF-16, every other byte of an ASCII letter is zero.
  const isWide = head[1] === 0 || head[0] === 0;
  throw new FileProblem(
    1,
    isWide
      ? "it is not UTF-8 text but seems to be UTF-16 without a byte order mark; save it as " +
          "UTF-8, or as UTF-16 with the mark"
      : "it holds a zero byte, so it is not UTF-8 text; save it as UTF-8",
  );
}

const otherKinds: readonly (readonly [readonly number[], string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP archive or a spreadsheet (.xlsx)"],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file"],
  [[0xd0, 0xcf, 0x11, 0xe0], "a spreadsheet (.xls)"],
  [[0x28, 0xb5, 0x2f, 0xfd], "compressed by Zstandard"],
];

/** The text of a file, decompressed if necessary, without its byte order mark. Throws a `FileProblem`. */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array>,
  onEncoding: (encoding: Encoding) => void = () => undefined,
): AsyncGenerator<string> {
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  let line = 1;
  let head = new Uint8Array(0);
  const createDecoder = () => {
    const { encoding } = detectEncoding(head);
    onEncoding(encoding);
    return new TextDecoder(encoding, { fatal: true });
  };
  const decode = (chunk: Uint8Array | undefined): string => {
    decoder ??= createDecoder();
    let text: string;
    try {
      text = chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
      line += text.split("\n").length - 1;
    } catch {
      throw new FileProblem(
        line + newlinesBefore(chunk ?? head),
        "it is not UTF-8 text; save the file as UTF-8",
      );
    }
    if (text.includes("\0")) throw new FileProblem(undefined, "it holds a zero byte, so it is not text");
    return text;
  };
  for await (const chunk of unzip(bytes)) {
    if (decoder) yield decode(chunk);
    else {
      head = concatenate(head, chunk);
      if (head.length >= 4) yield decode(head);
    }
  }
  if (!decoder && head.length > 0) yield decode(head);
  if (decoder) yield decode(undefined);
}

/** The number of lines in a chunk before its first bytes that are not UTF-8. */
function newlinesBefore(chunk: Uint8Array): number {
  // The chunk may start inside a character.
  const begin = Math.min(
    3,
    chunk.findIndex((byte) => (byte & 0xc0) !== 0x80),
  );
  const lines = new TextDecoder("utf-8").decode(chunk.subarray(Math.max(0, begin))).split("\n");
  const broken = lines.findIndex((text) => text.includes("\uFFFD"));
  return Math.max(0, broken);
}

/** The bytes of a file, decompressed if it is gzip. Throws a `FileProblem`. */
async function* unzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let head = new Uint8Array(0);
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    head = concatenate(head, next.value);
    if (head.length >= 2) break;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    yield head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  if (!isGzip(head)) return yield* all();
  try {
    yield* pipeline(all(), createGunzip(), () => undefined);
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && /^Z_/.test(String(thrown.code)))
      throw new FileProblem(undefined, "it is compressed by gzip, and damaged or cut off; send it again");
    throw thrown;
  }
}

function concatenate(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
