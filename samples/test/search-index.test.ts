import { testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import { openSearchDatabase, type SearchHit } from "../lib/search-database.ts";
import searchIndex from "../workflows/search-index.ts";
import { emptyDataFolder, sampleBytes, sampleText } from "./support.ts";

interface Submission {
  readonly document_id: string;
  readonly file: string;
}

const submissions: readonly Submission[] = sampleText("search/documents.ndjson")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));
const objects = {
  inbox: Object.fromEntries(submissions.map(({ file }) => [file, sampleBytes(`search/${file}`)])),
};
const premiumUrl = "https://premium.example/accounts";
const tea = { document_id: "tea", file: "tea-brewing.txt" };

function found(data: string, words: string): readonly SearchHit[] {
  const database = openSearchDatabase(`${data}/search.sqlite`);
  try {
    return database.search(words, 10);
  } finally {
    database.close();
  }
}

const idsOf = (hits: readonly SearchHit[]) => hits.map(({ documentId }) => documentId).sort();

/** The workflow with a premium service that knows some documents. */
function indexing(isPremium: Readonly<Record<string, boolean>> = {}) {
  return testWorkflow(searchIndex, {
    objects,
    http: ({ url }) => {
      const premium = isPremium[new URL(url).searchParams.get("document_id") ?? ""];
      return premium === undefined ? { status: 404 } : { body: { premium } };
    },
  });
}

test("every document with a text is found by it; pictures of accounts that are not premium are left out", async () => {
  const data = emptyDataFolder();
  const subject = indexing();
  for (const input of submissions) await subject.run({ input: { ...input, premium: false } });
  expect(idsOf(found(data, "moka pot"))).toEqual(["grinder-manual"]);
  expect(idsOf(found(data, "refund"))).toEqual(["returns"]);
  expect(idsOf(found(data, "zurich"))).toEqual(["cafe-zuerich"]);
  expect(found(data, "Darjeeling")).toEqual([]);
  const label = await subject.run({ input: { document_id: "label", file: "shelf-label.png" } });
  expect(label.result("index")).toMatchObject({ indexed: false, characters: 0, reason: "not_premium" });
  expect(label.tasks.index).toMatchObject({
    counters: { documents_left_out: 1 },
    warnings: ["shelf-label.png is a picture: its text is read for premium accounts only"],
  });
});

test("a document that is submitted again calls no service, and gives the same result", async () => {
  const data = emptyDataFolder();
  const subject = indexing({ tea: true });
  const input = { ...tea, premium_url: premiumUrl };
  const first = await subject.run({ input });
  expect(first.calls.map(({ service }) => service)).toEqual(["http", "objects"]);
  const again = await subject.run({ input });
  expect(again.tasks.index.reason).toBe("already_completed");
  expect(again.result("index")).toEqual(first.result("index"));
  expect(again.calls).toEqual([]);
  expect(idsOf(found(data, "rooibos"))).toEqual(["tea"]);
});

test("the service decides, not the input; a document that it does not know fails", async () => {
  emptyDataFolder();
  const subject = indexing({ card: false });
  const card = { document_id: "card", file: "warranty-card.png", premium: true, premium_url: premiumUrl };
  expect((await subject.run({ input: card })).result("index").reason).toBe("not_premium");
  const unknown = await subject.run({ input: { ...card, document_id: "unknown" } });
  expect(unknown.tasks.index.attempts).toBe(1);
  expect(unknown.error("index").code).toBe("PREMIUM_UNKNOWN");
});

test("a later batch continues a failed document after its stored steps", async () => {
  emptyDataFolder();
  const subject = indexing({ tea: true });
  const lost = { ...tea, file: "lost.txt", premium_url: premiumUrl };
  expect((await subject.run({ input: lost })).error("index").code).toBe("FILE_MISSING");
  const fixed = await subject.run({ input: { ...lost, file: tea.file } });
  expect(fixed.tasks.index).toMatchObject({ status: "SUCCESS", reason: null });
  expect(fixed.calls.map(({ service }) => service)).toEqual(["objects"]);
});
