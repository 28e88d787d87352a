import { type Compression, compressionOf, concatenate, decompress } from "./decompress.ts";
import type { Encoding } from "./file-options.ts";
import { FileProblem } from "./file-problem.ts";

/** How the text of a file is encoded. */
export interface TextFormat {
  readonly compression: Compression | undefined;
  readonly encoding: Encoding;
  readonly hasMark: boolean;
}

/**
 * Reads the byte order mark, which decides even if another encoding was `given`. Throws a `FileProblem` for UTF-16 that
 * has neither, and for files that are no text.
 */
function detectEncoding(head: Uint8Array, given?: Encoding): Omit<TextFormat, "compression"> {
  const [first, second, third] = head;
  if (first === 0xff && second === 0xfe) return { encoding: "utf-16le", hasMark: true };
  if (first === 0xfe && second === 0xff) return { encoding: "utf-16be", hasMark: true };
  if (first === 0xef && second === 0xbb && third === 0xbf) return { encoding: "utf-8", hasMark: true };
  const kind = otherKinds.find(([magic]) => magic.every((byte, index) => head[index] === byte))?.[1];
  if (kind !== undefined && head.includes(0)) throw new FileProblem(undefined, `it is ${kind}, not text`);
  if (given) return { encoding: given, hasMark: false };
  // In UTF-16, every other byte of an ASCII letter is zero.
  const isWide = head.length > 1 && (head[0] === 0) !== (head[1] === 0);
  if (!isWide) return { encoding: "utf-8", hasMark: false };
  throw new FileProblem(
    1,
    "it is not UTF-8 text but seems to be UTF-16 without a byte order mark; say so with the encoding of loadFile " +
      `(${head[1] === 0 ? "utf-16le" : "utf-16be"})`,
  );
}

/** The text format of a file, from its first bytes. */
export function detectTextFormat(head: Uint8Array, given?: Encoding): TextFormat {
  const compression = compressionOf(head);
  if (compression) return { compression, encoding: given ?? "utf-8", hasMark: false };
  return { compression, ...detectEncoding(head, given) };
}

const otherKinds: readonly (readonly [readonly number[], string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], "a ZIP archive or a spreadsheet (.xlsx)"],
  [[0x50, 0x41, 0x52, 0x31], "a Parquet file"],
  [[0xd0, 0xcf, 0x11, 0xe0], "a spreadsheet (.xls)"],
];

/** The text of a file, decompressed if necessary, without its byte order mark. Throws a `FileProblem`. */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array>,
  given?: Encoding,
  onFormat: (format: TextFormat) => void = () => undefined,
): AsyncGenerator<string> {
  let decoder: LineDecoder | undefined;
  let head: Uint8Array = new Uint8Array(0);
  let compression: Compression | undefined;
  async function* watched(): AsyncGenerator<Uint8Array> {
    let isFirst = true;
    for await (const chunk of bytes) {
      if (isFirst) compression = compressionOf(chunk);
      isFirst = false;
      yield chunk;
    }
  }
  const start = (): LineDecoder => {
    const detected = detectEncoding(head, given);
    onFormat({ compression, ...detected });
    return new LineDecoder(detected.encoding);
  };
  for await (const chunk of decompress(watched())) {
    if (decoder) yield decoder.decode(chunk);
    else {
      head = concatenate(head, chunk);
      if (head.length < 4) continue;
      decoder = start();
      yield decoder.decode(head);
    }
  }
  if (!decoder && head.length > 0) {
    decoder = start();
    yield decoder.decode(head);
  }
  if (decoder) yield decoder.decode(undefined);
}

const encodingNames: Readonly<Record<Encoding, string>> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16",
  "utf-16be": "UTF-16",
  "windows-1252": "Windows-1252",
  "iso-8859-1": "Latin-1",
};

/** Decodes chunks of a file, and counts its lines for error messages. */
class LineDecoder {
  readonly #encoding: Encoding;
  readonly #decoder: InstanceType<typeof TextDecoder>;
  #line = 1;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
    this.#decoder = new TextDecoder(encoding, { fatal: true });
  }

  /** Undefined at the end. Throws a `FileProblem`. */
  decode(chunk: Uint8Array | undefined): string {
    const text = this.#decode(chunk);
    const zero = text.indexOf("\0");
    if (zero !== -1)
      throw new FileProblem(
        this.#line + countFeeds(text.slice(0, zero)),
        "it holds a zero byte (NUL), which is no text; remove it, or send the file again",
      );
    this.#line += countFeeds(text);
    return text;
  }

  #decode(chunk: Uint8Array | undefined): string {
    // TextDecoder reads the label of Latin-1 as Windows-1252.
    if (this.#encoding === "iso-8859-1") return chunk ? Buffer.from(chunk).toString("latin1") : "";
    try {
      return chunk ? this.#decoder.decode(chunk, { stream: true }) : this.#decoder.decode();
    } catch {
      const line = this.#line + (chunk && this.#encoding === "utf-8" ? newlinesBefore(chunk) : 0);
      const name = encodingNames[this.#encoding];
      throw new FileProblem(
        line,
        `it is not ${name} text; give loadFile its encoding, such as windows-1252, or save the file as UTF-8`,
      );
    }
  }
}

function countFeeds(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
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
