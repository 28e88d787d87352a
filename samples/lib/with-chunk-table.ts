import { type ChunkTable, openChunkTable } from "./chunk-table.ts";

/** Does something with the chunk table of the data folder. */
export function withChunkTable<Result>(work: (table: ChunkTable) => Result): Result {
  const table = openChunkTable(`${process.env.BATON_DATA ?? ".baton"}/chunks.sqlite`);
  try {
    return work(table);
  } finally {
    table.close();
  }
}
