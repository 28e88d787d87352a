import type { FileHandle } from "node:fs/promises";
import { limits } from "../../core/limits.ts";

/** A physical line of a text file. */
export interface Line {
  /** 1 for the first. */
  readonly number: number;
  /** Without its line feed; with the carriage return before it, if there is one. */
  readonly text: string;
  /** Why it has no text. */
  readonly problem?: string;
}

const newline = 0x0a;
const pieceBytes = 64 * 1024;
const byteOrderMark = "\uFEFF";
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The lines of a file, from its beginning. Holds one line and one piece of the file at a time. */
export async function* readLines(file: FileHandle): AsyncGenerator<Line> {
  const pending = new PendingLine();
  let number = 0;
  const finish = (end: Uint8Array): Line => {
    number += 1;
    return lineOf(number, pending.take(end));
  };
  for await (const piece of readPieces(file)) {
    let begin = 0;
    for (let end = piece.indexOf(newline); end >= 0; end = piece.indexOf(newline, begin)) {
      yield finish(piece.subarray(begin, end));
      begin = end + 1;
    }
    pending.add(piece.subarray(begin));
  }
  if (pending.bytes > 0) yield finish(new Uint8Array());
}

async function* readPieces(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (let position = 0; ; ) {
    const { bytesRead, buffer } = await file.read(new Uint8Array(pieceBytes), { position });
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** The beginning of a line whose end has not been read yet. */
class PendingLine {
  #pieces: Uint8Array[] = [];
  bytes = 0;

  /** Of a line that is too long anyway, only the length is kept. */
  add(piece: Uint8Array): void {
    this.bytes += piece.length;
    if (this.bytes > limits.messageBytes) this.#pieces = [];
    else if (piece.length > 0) this.#pieces.push(piece);
  }

  /** The line with its end; undefined when it is too long. */
  take(end: Uint8Array): Uint8Array | undefined {
    this.add(end);
    const line = this.bytes > limits.messageBytes ? undefined : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.bytes = 0;
    return line;
  }
}

function lineOf(number: number, bytes: Uint8Array | undefined): Line {
  if (!bytes) return { number, text: "", problem: `it is longer than ${limits.messageBytes} bytes` };
  try {
    const text = decoder.decode(bytes);
    return { number, text: number === 1 && text.startsWith(byteOrderMark) ? text.slice(1) : text };
  } catch {
    return { number, text: "", problem: "it is not UTF-8 text" };
  }
}
