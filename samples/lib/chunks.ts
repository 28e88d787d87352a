import { createHash } from "node:crypto";
import { TaskError } from "baton-dag";
import { type Piece, piecesOf } from "./pieces.ts";

export interface ChunkOptions {
  /** Goes into the ids: the same text in two documents gives different chunks. */
  readonly documentId: string;
  /** The most characters (UTF-16 units, as `length` counts) a chunk has. */
  readonly characters: number;
  /** The most characters at the end of a chunk that the next one begins with; whole sentences or words only. */
  readonly overlap: number;
}

export interface Chunk {
  /** A hash of document id, index and text: the same input gives the same ids, everywhere and always. */
  readonly id: string;
  readonly documentId: string;
  readonly index: number;
  readonly text: string;
}

/**
 * Cuts a text at the borders of paragraphs, else sentences, else words. Throws a TaskError `CHUNKS_INVALID` when the
 * numbers make no sense.
 */
export function chunksOf(text: string, { documentId, characters, overlap }: ChunkOptions): readonly Chunk[] {
  checkNumbers(characters, overlap);
  const source = text.replaceAll(/\r\n?/g, "\n").trim();
  const parts = packed(piecesOf(source, characters), characters, overlap)
    .map(({ start, end }) => source.slice(start, end).trim())
    // A chunk may have been nothing but a long gap.
    .filter(Boolean);
  return parts.map((part, index) => ({
    id: chunkId(documentId, index, part),
    documentId,
    index,
    text: part,
  }));
}

function checkNumbers(characters: number, overlap: number): void {
  const whole = Number.isInteger(characters) && Number.isInteger(overlap);
  if (whole && characters >= 2 && overlap >= 0 && overlap < characters) return;
  const message =
    `Chunks of ${characters} characters can't overlap by ${overlap}: ` +
    "give whole numbers, at least 2 characters, and less overlap than that";
  throw new TaskError(message, { code: "CHUNKS_INVALID", retryable: false });
}

function chunkId(documentId: string, index: number, text: string): string {
  return createHash("sha256")
    .update(JSON.stringify([documentId, index, text]))
    .digest("hex")
    .slice(0, 32);
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function packed(pieces: readonly Piece[], characters: number, overlap: number): readonly Span[] {
  const spans: Span[] = [];
  let first = 0;
  /** The piece after the last one that some chunk has. */
  let fresh = 0;
  while (fresh < pieces.length) {
    const end = endOfChunk(pieces, first, fresh, characters);
    spans.push(spanOf(pieces, first, end));
    fresh = end;
    first = startOfNext(pieces, end, characters, overlap);
  }
  return spans;
}

/** As many pieces as fit; when more follow, only up to a paragraph's end in the second half, if there is one. */
function endOfChunk(pieces: readonly Piece[], first: number, fresh: number, characters: number): number {
  const start = pieces[first]?.start ?? 0;
  let end = fresh + 1;
  while (end < pieces.length && (pieces[end]?.end ?? 0) - start <= characters) end += 1;
  if (end === pieces.length) return end;
  for (let border = end; border > fresh; border -= 1) {
    const piece = pieces[border - 1];
    if (!piece || piece.end - start < characters / 2) break;
    if (piece.endsParagraph) return border;
  }
  return end;
}

/** The next chunk begins with what the overlap allows, as long as one fresh piece still fits behind it. */
function startOfNext(pieces: readonly Piece[], end: number, characters: number, overlap: number): number {
  const covered = pieces[end - 1]?.end ?? 0;
  const needed = pieces[end]?.end ?? covered;
  let start = end;
  for (let before = pieces[start - 1]; before; before = pieces[start - 1]) {
    if (covered - before.start > overlap || needed - before.start > characters) break;
    start -= 1;
  }
  return start;
}

function spanOf(pieces: readonly Piece[], first: number, end: number): Span {
  return { start: pieces[first]?.start ?? 0, end: pieces[end - 1]?.end ?? 0 };
}
