import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSearchDatabase } from "../../lib/search-database.ts";
import { sampleText, temporaryFolder } from "../support.ts";

function open(path = join(temporaryFolder(), "new", "search.db")) {
  const database = openSearchDatabase(path);
  onTestFinished(() => database.close());
  return { database, path };
}

function withSamples() {
  const { database } = open();
  for (const id of ["espresso-basics", "tea-brewing", "cafe-zuerich", "opening-hours"]) {
    const text = sampleText(`search/${id}.txt`);
    database.put(id, text.split("\n", 1)[0] ?? "", text);
  }
  return database;
}

test("put twice, a document is there once; put again, only its new words are found", () => {
  const { database, path } = open();
  database.put("d", "Title", "some apples");
  database.put("d", "Title", "some apples");
  expect(database.count()).toBe(1);
  expect(database.search("apples", 10)).toHaveLength(1);
  database.put("d", "Title", "some pears");
  expect(database.search("apples", 10)).toEqual([]);
  expect(open(path).database.search("PEAR", 10)).toMatchObject([
    { documentId: "d", snippet: "some [pears]" },
  ]);
});

test("hits are ranked, a title weighs more, and the limit holds", () => {
  const { database } = open();
  database.put("text", "Something", "A word about grinders among many other words");
  database.put("title", "Grinders", "Of many kinds");
  database.put("none", "Tea", "Leaves");
  const hits = database.search("grinder", 10);
  expect(hits.map((hit) => hit.documentId)).toEqual(["title", "text"]);
  expect(hits[0]?.score).toBeGreaterThan(hits[1]?.score ?? Number.POSITIVE_INFINITY);
  expect(database.search("grinder", 1)).toHaveLength(1);
});

test("every word must be there, in any order, with or without accents", () => {
  const database = withSamples();
  const found = (query: string) => database.search(query, 10).map((hit) => hit.documentId);
  expect(found("coffee espresso").at(0)).toBe("espresso-basics");
  expect(found("espresso Sommer")).toEqual(["cafe-zuerich"]);
  expect(found("ZURICH cafe")).toEqual(["cafe-zuerich"]);
  expect(found("東京珈琲店")).toEqual(["cafe-zuerich"]);
  expect(found("tea espresso nowhere")).toEqual([]);
});

test.for([
  ['"', []],
  ["*", []],
  ["", []],
  [" \n\t ", []],
  ["()", []],
  ["😀", []],
  ["\u0301", []],
  ['rooibos"', ["tea-brewing"]],
  ['"rooibos" caffeine', ["tea-brewing"]],
  ["rooibos*", ["tea-brewing"]],
  ["(rooibos", ["tea-brewing"]],
  ["^rooibos", ["tea-brewing"]],
  ["rooibos\0caffeine", ["tea-brewing"]],
  ["body:rooibos", []],
  ["rooibos AND", ["tea-brewing"]],
  ["NOT rooibos", []],
  ["NEAR(rooibos tea, 5)", []],
  ["rooibos - + tea", ["tea-brewing"]],
  ["can't", ["tea-brewing"]],
  ["rooibos \ud800", ["tea-brewing"]],
  ["'; DROP TABLE documents; --", []],
  ["rooibos ".repeat(10_000), ["tea-brewing"]],
  [`${"rooibos ".repeat(32)}nowhere`, ["tea-brewing"]],
  ["x".repeat(1_000_000), []],
] as const)("no query is an error", ([query, expected]) => {
  expect(
    withSamples()
      .search(query, 10)
      .map((hit) => hit.documentId),
  ).toEqual(expected);
});
