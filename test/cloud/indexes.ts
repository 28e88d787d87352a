import { readFileSync } from "node:fs";

/** The indexes, exemptions and TTL policies that a deployment sets up. */
export const firestoreIndexes: unknown = JSON.parse(
  readFileSync(new URL("../../infra/firestore.indexes.json", import.meta.url), "utf8"),
);
