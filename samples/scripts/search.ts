// Looks into the index that the workflow search-index keeps. Run: node scripts/search.ts "moka pot"
import { openSearchDatabase } from "../lib/search-database.ts";

const words = process.argv.slice(2).join(" ");
const path = `${process.env.BATON_DATA ?? ".baton"}/search.sqlite`;
const mostHits = 10;

const database = openSearchDatabase(path);
const hits = database.search(words, mostHits);
const lines = hits.map(({ documentId, snippet }) => `${documentId}: ${snippet.replaceAll(/\s+/g, " ")}`);
const found = `${hits.length} of ${database.count()} documents in ${path} hold: ${words}`;
database.close();
process.stdout.write(`${[...lines, found].join("\n")}\n`);
