import * as z from "zod";
import { limits } from "../limits.ts";
import type { JsonObject } from "../values/json.ts";
import { type CollectionName, collections } from "./collections.ts";

const DueSchema = z.object({ state: z.string(), dueSeconds: z.number() });

/**
 * Seconds from its last write until a document may be deleted. Undefined: never. A document that prevents duplicate
 * work has to outlive every message about that work: see `limits.minRetentionSeconds`.
 */
export function expiresAfterSeconds(
  collection: CollectionName,
  data: JsonObject,
  retentionSeconds: number,
): number | undefined {
  switch (collections[collection].kept) {
    case "for ever":
      return undefined;
    case "retention":
      return retentionSeconds;
    case "while due":
      return dueSeconds(data, retentionSeconds);
  }
}

/** A lock must stay while its holder may still be running, even when its lease is over. */
function dueSeconds(data: JsonObject, retentionSeconds: number): number {
  const { data: due } = DueSchema.safeParse(data);
  if (!due || due.state === "PROCESSING") return retentionSeconds;
  return due.dueSeconds + limits.expiryMarginSeconds;
}

/**
 * Whether documents of a batch may have been deleted because of its age, so that a missing document proves nothing.
 * `ageSeconds`: time since its creation.
 */
export function isPastRetention(ageSeconds: number, retentionSeconds: number): boolean {
  return ageSeconds > retentionSeconds - limits.expiryMarginSeconds;
}
