import * as z from "zod";
import type { JsonObject } from "./json.ts";
import { limits } from "./limits.ts";
import { type CollectionName, collections } from "./records.ts";

const DueSchema = z.object({ state: z.string(), dueSeconds: z.number() });

/**
 * Seconds after its write from which on a document may be deleted; undefined: never. A document whose existence keeps
 * something from being done twice has to outlive every message about it: see `limits.leastRetentionSeconds`.
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

/** A lock counts its holders: it stays until it is given back, or nobody can be left who had it. */
function dueSeconds(data: JsonObject, retentionSeconds: number): number {
  const { data: due } = DueSchema.safeParse(data);
  if (!due || due.state === "PROCESSING") return retentionSeconds;
  return due.dueSeconds + limits.expiryMarginSeconds;
}

/**
 * Whether a batch is so old that documents of it may have been deleted: then nothing may be concluded from their absence.
 * `ageSeconds`: since it was created.
 */
export function isPastRetention(ageSeconds: number, retentionSeconds: number): boolean {
  return ageSeconds > retentionSeconds - limits.expiryMarginSeconds;
}
