import * as z from "zod";
import type { Chunk } from "./chunks.ts";
import { openSqliteFile } from "./sqlite-file.ts";

type DocumentChunks = {
  readonly document_id: string;
  readonly chunks: number;
  /** Of all its chunks; where they overlap, a character counts in both. */
  readonly characters: number;
};

export interface ChunkTable {
  /** Stores the chunks that are not stored yet, all or none, and returns their number. */
  put(chunks: readonly Chunk[]): number;
  /** The same, and deletes other chunks of earlier versions of the document. Then all of it counts as new. */
  replace(documentId: string, chunks: readonly Chunk[]): number;
  /** Chunks of one document. */
  count(documentId: string): number;
  /** Every document, by id. */
  documents(): readonly DocumentChunks[];
  /** Deletes chunks last stored more than `days` ago, and returns their number. */
  deleteOlderThan(days: number): number;
  close(): void;
}

const schema = `
  CREATE TABLE IF NOT EXISTS chunks (
    id TEXT PRIMARY KEY, document_id TEXT NOT NULL, position INTEGER NOT NULL, text TEXT NOT NULL,
    stored_at INTEGER NOT NULL DEFAULT (unixepoch())
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS chunks_of_document ON chunks (document_id, position)`;

const insertSql = `
  INSERT INTO chunks (id, document_id, position, text) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;
const deleteOthersSql = `
  DELETE FROM chunks WHERE document_id = ? AND id NOT IN (SELECT value FROM json_each(?))`;
const documentsSql = `
  SELECT document_id, count(*) AS chunks, sum(length(text)) AS characters FROM chunks
  GROUP BY document_id ORDER BY document_id`;
const secondsPerDay = 86_400;

const CountSchema = z.object({ chunks: z.number() });
const DocumentsSchema = z.array(
  z.object({ document_id: z.string(), chunks: z.number(), characters: z.number() }),
);

/** Opens or creates a table of chunks in a SQLite file; several processes may have it open. */
export function openChunkTable(path: string): ChunkTable {
  const database = openSqliteFile(path, schema);
  const insert = database.prepare(insertSql);
  const deleteOthers = database.prepare(deleteOthersSql);
  const renew = database.prepare("UPDATE chunks SET stored_at = unixepoch() WHERE document_id = ?");
  const count = database.prepare("SELECT count(*) AS chunks FROM chunks WHERE document_id = ?");
  const documents = database.prepare(documentsSql);
  const deleteOld = database.prepare("DELETE FROM chunks WHERE stored_at < unixepoch() - ?");

  const insertAll = (chunks: readonly Chunk[]) => {
    let added = 0;
    for (const { id, documentId, index, text } of chunks)
      added += Number(insert.run(id, documentId, index, text).changes);
    return added;
  };
  const inTransaction = (work: () => number) => {
    database.exec("BEGIN IMMEDIATE");
    try {
      const added = work();
      database.exec("COMMIT");
      return added;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  };
  return {
    put: (chunks) => inTransaction(() => insertAll(chunks)),
    replace: (documentId, chunks) =>
      inTransaction(() => {
        deleteOthers.run(documentId, JSON.stringify(chunks.map(({ id }) => id)));
        const added = insertAll(chunks);
        renew.run(documentId);
        return added;
      }),
    count: (documentId) => CountSchema.parse(count.get(documentId)).chunks,
    documents: () => DocumentsSchema.parse(documents.all()),
    deleteOlderThan: (days) => Number(deleteOld.run(days * secondsPerDay).changes),
    close: () => database.close(),
  };
}
