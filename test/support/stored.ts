import { readdirSync } from "node:fs";
import { collectionNames } from "../../src/core/storage/collections.ts";
import type { DocumentStore } from "../../src/ports/store.ts";

/** Every document that there is, as text: its collection, id and data. */
export async function documentsIn(store: DocumentStore): Promise<string[]> {
  const found = await Promise.all(collectionNames.map((name) => store.query(name, [], { limit: 10_000 })));
  return found.flatMap(({ documents }, index) =>
    documents.map(({ key, data }) => `${collectionNames[index]}/${key.id} ${JSON.stringify(data)}`),
  );
}

/** Names of all files and folders below a folder; none where there is no folder. */
export function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
}
