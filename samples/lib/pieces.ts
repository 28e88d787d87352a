/** A part of a text that is best not cut: a sentence; of a sentence that is too long, a word; of such a word, a bit. */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly endsParagraph: boolean;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

// What matches ends a piece and belongs to it. Plain patterns and not Intl.Segmenter, whose rules change with the
// version of Node: the ids of chunks hang on them. Each looks back only a few characters, so no text makes them slow.
const paragraphEnd = /\n[^\S\n]*\n\s*/gu;
const sentenceEnd = /(?<=[.!?…]["'”’)\]]{0,3})\s+|(?<=[。！？])/gu;
const wordEnd = /\s+/gu;

/** The pieces of a text in their order and without gaps, none longer than `characters`, which is 2 or more. */
export function piecesOf(text: string, characters: number): readonly Piece[] {
  return cut(text, { start: 0, end: text.length }, paragraphEnd).flatMap((paragraph) =>
    cut(text, paragraph, sentenceEnd)
      .flatMap((sentence) => wordsIfTooLong(text, sentence, characters))
      .map((piece) => ({ ...piece, endsParagraph: piece.end === paragraph.end })),
  );
}

function wordsIfTooLong(text: string, sentence: Span, characters: number): readonly Span[] {
  if (sentence.end - sentence.start <= characters) return [sentence];
  return cut(text, sentence, wordEnd).flatMap((word) => bitsIfTooLong(text, word, characters));
}

function bitsIfTooLong(text: string, word: Span, characters: number): readonly Span[] {
  const bits: Span[] = [];
  let start = word.start;
  while (word.end - start > characters) {
    const end = splitsPair(text, start + characters) ? start + characters - 1 : start + characters;
    bits.push({ start, end });
    start = end;
  }
  return [...bits, { start, end: word.end }];
}

/** Whether a cut here would tear the two halves of one character apart. */
function splitsPair(text: string, at: number): boolean {
  return (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

function cut(text: string, { start, end }: Span, border: RegExp): readonly Span[] {
  const ends = [...text.slice(start, end).matchAll(border)].map(
    (match) => start + match.index + match[0].length,
  );
  const starts = [start, ...ends];
  return starts
    .map((from, index) => ({ start: from, end: starts[index + 1] ?? end }))
    .filter((span) => span.end > span.start);
}
