import { expect, test } from "vitest";
import { CsvParser } from "../../../src/core/files/csv-parser.ts";

function parse(text: string, pieceLength: number) {
  const parser = new CsvParser({ delimiter: ",", quote: '"' });
  const records = [];
  for (let at = 0; at < text.length; at += pieceLength)
    records.push(...parser.push(text.slice(at, at + pieceLength)));
  return [...records, ...parser.end()].map(({ line, cells }) => ({ line, cells }));
}

const text = 'id,note\r\n1,"a ""b""\r\nc,d"\n\n"2",\n3,5" pipe\r4,""\n5,"z"';

test.each([1, 2, 3, 5, 1_000])("the records are the same in pieces of %i characters", (pieceLength) => {
  expect(parse(text, pieceLength)).toEqual([
    { line: 1, cells: ["id", "note"] },
    { line: 2, cells: ["1", 'a "b"\r\nc,d'] },
    { line: 4, cells: [""] },
    { line: 5, cells: ["2", ""] },
    { line: 6, cells: ["3", '5" pipe'] },
    { line: 7, cells: ["4", ""] },
    { line: 8, cells: ["5", "z"] },
  ]);
});

test.each([
  ['a\n"b', "line 2: a quoted cell does not end"],
  ['a\n"b"c\n', "line 2: a quoted cell has text after its end"],
])("%j is refused by line, in pieces too", (broken, message) => {
  for (const length of [1, 1_000]) expect(() => parse(broken, length)).toThrow(message);
});
