import * as z from "zod";
import type { Chunk } from "./chunks.ts";
import { openSqliteFile } from "./sqlite-file.ts";

export interface ChunkTable {
  /** Stores the chunks that are not there yet, all or none, and returns how many those were. */
  put(chunks: readonly Chunk[]): number;
  /** Chunks of one document. */
  count(documentId: string): number;
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS chunks (
    id TEXT PRIMARY KEY, document_id TEXT NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS chunks_of_document ON chunks (document_id, position)`;

const CountSchema = z.object({ chunks: z.number() });

/** Opens or creates a table of chunks in a SQLite file; several processes may have it open. */
export function openChunkTable(path: string): ChunkTable {
  const database = openSqliteFile(path, schema);
  const insert = database.prepare(
    "INSERT INTO chunks (id, document_id, position, text) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
  );
  const count = database.prepare("SELECT count(*) AS chunks FROM chunks WHERE document_id = ?");
  return {
    put: (chunks) => {
      database.exec("BEGIN");
      try {
        let added = 0;
        for (const { id, documentId, index, text } of chunks)
          added += Number(insert.run(id, documentId, index, text).changes);
        database.exec("COMMIT");
        return added;
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    count: (documentId) => CountSchema.parse(count.get(documentId)).chunks,
    close: () => database.close(),
  };
}
