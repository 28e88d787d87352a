import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openChunkTable } from "../../lib/chunk-table.ts";
import { type Chunk, chunksOf } from "../../lib/chunks.ts";
import { sampleText, temporaryFolder } from "../support.ts";

function open() {
  const table = openChunkTable(join(temporaryFolder(), "chunks.db"));
  onTestFinished(() => table.close());
  return table;
}

test("a chunk is stored once, however often it is put", () => {
  const table = open();
  const text = sampleText("documents/tasting-notes.txt");
  const chunks = chunksOf(text, { documentId: "notes", characters: 200, overlap: 20 });
  expect(table.put(chunks.slice(0, 2))).toBe(2);
  expect(table.put(chunks)).toBe(chunks.length - 2);
  expect(table.put(chunks)).toBe(0);
  expect(table.put([])).toBe(0);
  expect(table.count("notes")).toBe(chunks.length);
  expect(table.count("other")).toBe(0);
});

test("chunks are stored all or none, and the table works after a failure", () => {
  const table = open();
  const chunk = { id: "a", documentId: "d", index: 0, text: "text" };
  const broken: Chunk = { ...chunk, id: "b", index: Number.NaN };
  expect(() => table.put([chunk, broken])).toThrow();
  expect(table.count("d")).toBe(0);
  expect(table.put([chunk])).toBe(1);
});
