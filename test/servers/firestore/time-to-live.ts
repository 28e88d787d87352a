import { applyChanges, type Database } from "./commit.ts";
import type { StoredDocument } from "./document-set.ts";
import { fieldAt, parseFieldPath } from "./field-paths.ts";
import { toMicros } from "./store-clock.ts";

/** Deletes, one by one, what the service would within a day: where the time-to-live field is a time that is over. */
export function expireNow(database: Database): number {
  const now = database.clock.now() * 1_000;
  const expired = [...database.store.all()].filter((document) => expiry(database, document) <= now);
  for (const before of expired) {
    applyChanges(database, [{ name: before.name, before, after: undefined }], database.clock.commitTime());
    database.meter.add("document_deletes");
  }
  return expired.length;
}

/** Never, where no such field is declared, or the field is no time. */
function expiry({ indexes }: Database, { name, fields }: StoredDocument): number {
  for (const { collectionGroup, fieldPath, ttl } of indexes.overrides) {
    if (!ttl || collectionGroup !== name.collectionGroup) continue;
    const time = fieldAt(fields, parseFieldPath(fieldPath))?.timestampValue;
    if (time) return toMicros(time);
  }
  return Number.POSITIVE_INFINITY;
}
