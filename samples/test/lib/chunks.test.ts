import fc from "fast-check";
import { expect, test } from "vitest";
import { type ChunkOptions, chunksOf } from "../../lib/chunks.ts";
import { sampleText } from "../support.ts";

const notes = sampleText("documents/tasting-notes.txt");
const textsOf = (text: string, options: Omit<ChunkOptions, "documentId">): readonly string[] =>
  chunksOf(text, { documentId: "d", ...options }).map((chunk) => chunk.text);

test("the same text gives the same chunks; ids hang on the document, the place and the text", () => {
  const options = { documentId: "notes", characters: 200, overlap: 40 };
  const chunks = chunksOf(notes, options);
  expect(chunks).toEqual(chunksOf(notes, options));
  expect(chunks).toEqual(chunksOf(notes.replaceAll("\n", "\r\n"), options));
  expect(chunks.length).toBeGreaterThan(2);
  expect(chunks.map((chunk) => chunk.index)).toEqual(chunks.map((_, index) => index));
  // Written down once: a change of the cut or of the hash makes every stored chunk a new one.
  expect(chunks[0]?.id).toBe("1f3cc1690919a4a563a5cf55373fac0c");
  const twice = chunksOf("Same. Same.", { documentId: "d", characters: 6, overlap: 0 });
  expect(twice.map((chunk) => chunk.text)).toEqual(["Same.", "Same."]);
  expect(twice[0]?.id).not.toBe(twice[1]?.id);
  expect(chunksOf(notes, { ...options, documentId: "other" })[0]?.id).not.toBe(chunks[0]?.id);
});

test("chunks end at sentences, and at paragraphs where that is not too early", () => {
  expect(textsOf("One is. Two is! Three is?", { characters: 16, overlap: 0 })).toEqual([
    "One is. Two is!",
    "Three is?",
  ]);
  expect(textsOf("One is here.\n\nTwo is. Three is.", { characters: 22, overlap: 0 })).toEqual([
    "One is here.",
    "Two is. Three is.",
  ]);
  expect(textsOf("。東京です。大阪です。", { characters: 6, overlap: 0 })).toEqual([
    "。東京です。",
    "大阪です。",
  ]);
});

test("a chunk begins with whole sentences of the one before, as far as the overlap allows", () => {
  expect(textsOf("Aa bb. Cc dd. Ee ff. Gg hh.", { characters: 21, overlap: 7 })).toEqual([
    "Aa bb. Cc dd. Ee ff.",
    "Ee ff. Gg hh.",
  ]);
  expect(textsOf("Aa bb. Cc dd. Ee ff. Gg hh.", { characters: 21, overlap: 6 })).toEqual([
    "Aa bb. Cc dd. Ee ff.",
    "Gg hh.",
  ]);
});

test("a sentence that is too long is cut between words, a word between characters", () => {
  expect(textsOf("alpha beta gamma delta", { characters: 11, overlap: 6 })).toEqual([
    "alpha beta",
    "beta gamma",
    "gamma delta",
  ]);
  expect(textsOf("😀😀😀", { characters: 3, overlap: 0 })).toEqual(["😀", "😀", "😀"]);
});

test("no text, no chunks; and a long gap is none", () => {
  expect(textsOf(`a b${" ".repeat(50)}c`, { characters: 5, overlap: 0 })).toEqual(["a", "b", "c"]);
  expect(textsOf(" \r\n ", { characters: 10, overlap: 0 })).toEqual([]);
});

test("whatever the text: no chunk is too long or empty, and every word is there in order", () => {
  const part = fc.oneof(
    fc.constantFrom(" ", "\n", "\n\n", ". ", "! ", "…", "”", "word", "。", "😀"),
    fc.string({ unit: "binary" }),
  );
  const texts = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(texts, fc.integer({ min: 2, max: 40 }), (text, characters) => {
      const chunks = textsOf(text, { characters, overlap: 0 });
      expect(chunks.every((chunk) => chunk.length > 0 && chunk.length <= characters)).toBe(true);
      expect(chunks.join("").replaceAll(/\s/g, "")).toBe(text.replaceAll(/\s/g, ""));
      const overlapping = textsOf(text, { characters, overlap: Math.floor(characters / 2) });
      expect(overlapping.every((chunk) => chunk.length > 0 && chunk.length <= characters)).toBe(true);
    }),
  );
});

test.for([
  { characters: 10, overlap: 10 },
  { characters: 1, overlap: 0 },
  { characters: 10, overlap: -1 },
  { characters: 10.5, overlap: 0 },
  { characters: Number.NaN, overlap: 0 },
])("numbers that make no sense are refused for good: %o", (options) => {
  expect(() => textsOf("text", options)).toThrow(
    expect.objectContaining({ name: "TaskError", code: "CHUNKS_INVALID", retryable: false }),
  );
});
