// A process of its own for the tests of the search database and the chunk table: writes what its sisters write too.
import { openChunkTable } from "../../lib/chunk-table.ts";
import { openSearchDatabase } from "../../lib/search-database.ts";

const [searchPath = "", chunkPath = ""] = process.argv.slice(2);
const rounds = 100;
const database = openSearchDatabase(searchPath);
const table = openChunkTable(chunkPath);
let added = 0;
for (let round = 0; round < rounds; round += 1) {
  database.put(`document-${round}`, `Title ${round}`, `Written by ${process.pid}, shared words`);
  added += table.put([{ id: `chunk-${round}`, documentId: "d", index: round, text: "shared" }]);
}
database.close();
table.close();
process.stdout.write(String(added));
