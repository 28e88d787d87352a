import { createHash } from "node:crypto";
import type { Timestamp } from "@google-cloud/firestore";
import * as z from "zod";
import {
  type CollectionName,
  type CollectionSpec,
  collectionNames,
  collections,
} from "../../core/storage/collections.ts";
import { expiresAfterSeconds } from "../../core/storage/expiry.ts";
import type { JsonObject, JsonValue } from "../../core/values/json.ts";

/** The field of the TTL policy: Firestore may delete a document after this time. */
export const expiryField = "expireAt";

/**
 * A stored document has its data as JSON text, and beside it copies of the fields that queries use. In a map Firestore
 * would sort the fields, and refuse nested lists and more than 20 levels. All documents of a collection have the same
 * fields, so an update replaces everything.
 */
export function encodeDocument(
  collection: CollectionName,
  data: JsonObject,
  options: { readonly retentionSeconds: number; readonly nowMs: number },
): Record<string, unknown> {
  const { fields, arrays } = collections[collection];
  const encoded: Record<string, unknown> = { data: JSON.stringify(data) };
  for (const field of fields) encoded[field] = toIndexedValue(data[field]);
  for (const field of arrays) encoded[field] = data[field] ?? [];
  const seconds = expiresAfterSeconds(collection, data, options.retentionSeconds);
  if (seconds !== undefined) encoded[expiryField] = new Date(options.nowMs + seconds * 1_000);
  return encoded;
}

function toIndexedValue(value: JsonValue | undefined): string | null {
  return typeof value === "string" ? toIndexedText(value) : null;
}

/**
 * Firestore indexes the first 1,500 bytes of a string only: https://firebase.google.com/docs/firestore/quotas#indexes
 */
const indexedBytes = 1_500;

/** The string that is indexed and queried: a hash if the text is too long for an index. */
export function toIndexedText(text: string): string {
  if (Buffer.byteLength(text) <= indexedBytes) return text;
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

const StoredSchema = z.object({ data: z.string() });

export function decodeDocument(stored: unknown): JsonObject {
  return JSON.parse(StoredSchema.parse(stored).data);
}

/** A document's version is its write time, with all of Firestore's digits. */
export function toVersion(time: Timestamp): string {
  return `${time.seconds}.${String(time.nanoseconds).padStart(9, "0")}`;
}

/** Replaces the automatic indexes of one field. */
interface FieldOverride {
  readonly collectionGroup: string;
  readonly fieldPath: string;
  readonly ttl: boolean;
  readonly indexes: readonly {
    readonly order?: "ASCENDING";
    readonly arrayConfig?: "CONTAINS";
    readonly queryScope: "COLLECTION";
  }[];
}

interface IndexFile {
  readonly indexes: readonly never[];
  readonly fieldOverrides: readonly FieldOverride[];
}

/**
 * The content of `firestore.indexes.json`: indexes for the fields that queries use, and for no others. By default
 * Firestore indexes every field twice, and indexed times limit a collection to 500 writes a second. Queries test only
 * equality, which single-field indexes answer together, so no composite index is needed.
 */
export function toIndexFile(): IndexFile {
  return {
    indexes: [],
    fieldOverrides: collectionNames.flatMap((name) => fieldOverrides(name, collections[name])),
  };
}

function fieldOverrides(collectionGroup: string, { fields, arrays, kept }: CollectionSpec): FieldOverride[] {
  const override = (fieldPath: string, indexes: FieldOverride["indexes"], ttl = false): FieldOverride => {
    return { collectionGroup, fieldPath, ttl, indexes };
  };
  return [
    override("*", []),
    ...fields.map((field) => override(field, [{ order: "ASCENDING", queryScope: "COLLECTION" }])),
    ...arrays.map((field) => override(field, [{ arrayConfig: "CONTAINS", queryScope: "COLLECTION" }])),
    ...(kept === "for ever" ? [] : [override(expiryField, [], true)]),
  ];
}
