/** The inbox is the folder of the sample documents. */
export const environment = { BATON_INBOX: "data/search", BATON_QUEUES: "documents=2" };

const backfill = ["backfill", "search-index", "--input", "data/search/documents.ndjson"];
const label = { document_id: "shelf-label", file: "shelf-label.png" };
const card = { document_id: "warranty-card", file: "warranty-card.png", premium: true };

export default async function searchIndex({ run, read }) {
  await run("baton", ...backfill);
  console.log("\nAgain: everything is done already.");
  await run("baton", ...backfill);
  console.log(
    "\nA document submitted by another account is not read again; only premium accounts may submit pictures.",
  );
  for (const input of [card, label]) {
    const { tasks } = await read("baton", "run", "search-index", "--input", JSON.stringify(input), "--json");
    for (const { status, reason, result } of tasks) console.log(status, reason, result);
  }
  await run("node", "scripts/search.ts", "moka pot");
  await run("node", "scripts/search.ts", "Darjeeling");
}
