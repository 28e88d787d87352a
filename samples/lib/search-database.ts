import * as z from "zod";
import { openSqliteFile } from "./sqlite-file.ts";

export interface SearchHit {
  readonly documentId: string;
  readonly title: string;
  /** Words around the best matches, which stand in [brackets]. */
  readonly snippet: string;
  /** Larger is better; comparable only within one search. */
  readonly score: number;
}

export interface SearchDatabase {
  /** Writes a document, replacing the one with the same id. */
  put(documentId: string, title: string, text: string): void;
  /** Documents that hold every word of the query, best first. Any query is allowed; one without words finds nothing. */
  search(query: string, limit: number): readonly SearchHit[];
  count(): number;
  close(): void;
}

/** Only the first words of a query are used: very many would keep the process busy for minutes. */
const mostWords = 32;

// The index reads its texts from the table, and the triggers keep both the same within one statement.
const schema = `
  CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY, document_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, body TEXT NOT NULL
  );
  CREATE VIRTUAL TABLE IF NOT EXISTS documents_index USING fts5(
    title, body, content = documents, content_rowid = id, tokenize = 'porter unicode61 remove_diacritics 2'
  );
  CREATE TRIGGER IF NOT EXISTS documents_added AFTER INSERT ON documents BEGIN
    INSERT INTO documents_index (rowid, title, body) VALUES (new.id, new.title, new.body);
  END;
  CREATE TRIGGER IF NOT EXISTS documents_changed AFTER UPDATE ON documents BEGIN
    INSERT INTO documents_index (documents_index, rowid, title, body)
      VALUES ('delete', old.id, old.title, old.body);
    INSERT INTO documents_index (rowid, title, body) VALUES (new.id, new.title, new.body);
  END`;

const putSql = `
  INSERT INTO documents (document_id, title, body) VALUES (?, ?, ?)
  ON CONFLICT (document_id) DO UPDATE SET title = excluded.title, body = excluded.body
  WHERE title IS NOT excluded.title OR body IS NOT excluded.body`;

// A word in the title weighs as much as four in the text.
const searchSql = `
  SELECT document_id AS documentId, documents.title AS title,
    snippet(documents_index, -1, '[', ']', '…', 16) AS snippet, -bm25(documents_index, 4.0, 1.0) AS score
  FROM documents_index JOIN documents ON documents.id = documents_index.rowid
  WHERE documents_index MATCH ? ORDER BY score DESC, document_id LIMIT ?`;

const HitsSchema = z.array(
  z.object({ documentId: z.string(), title: z.string(), snippet: z.string(), score: z.number() }),
);
const CountSchema = z.object({ documents: z.number() });

/** Opens or creates a full-text index in a SQLite file of its own; several processes may have it open. */
export function openSearchDatabase(path: string): SearchDatabase {
  const database = openSqliteFile(path, schema);
  const put = database.prepare(putSql);
  const search = database.prepare(searchSql);
  const count = database.prepare("SELECT count(*) AS documents FROM documents");
  return {
    put: (documentId, title, text) => void put.run(documentId, title, text),
    search: (query, limit) => {
      const match = quoted(query);
      return match === "" ? [] : HitsSchema.parse(search.all(match, limit));
    },
    count: () => CountSchema.parse(count.get()).documents,
    close: () => database.close(),
  };
}

/** Every word in quotes, so that none is an operator of FTS5. Punctuation alone is no word, and is skipped. */
function quoted(query: string): string {
  const words = query.split(/[\s\0]+/).filter(Boolean);
  return words
    .slice(0, mostWords)
    .map((word) => `"${word.replaceAll('"', '""')}"`)
    .join(" ");
}
