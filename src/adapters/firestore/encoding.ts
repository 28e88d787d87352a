import { createHash } from "node:crypto";
import type { Timestamp } from "@google-cloud/firestore";
import * as z from "zod";
import { expiresAfterSeconds } from "../../core/batch.ts";
import {
  type CollectionName,
  type CollectionSpec,
  collectionNames,
  collections,
} from "../../core/records.ts";
import type { JsonObject, JsonValue } from "../../core/values/json.ts";

/** Field of the time at which Firestore may delete a document: the TTL policy names it. */
export const expiryField = "expireAt";

/**
 * What is stored of a document: its data as JSON text, byte for byte as it was, beside copies of the fields that are
 * queried by. As a map, Firestore would sort its fields, and refuse lists within lists and more than 20 levels.
 * The names are the same in every document of a collection, so an update replaces all of it.
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

/** Firestore indexes the first 1,500 bytes of a string only: https://firebase.google.com/docs/firestore/quotas#indexes */
const indexedBytes = 1_500;

/** A string as it is indexed and asked for: by its hash when it is too long. */
export function toIndexedText(text: string): string {
  if (Buffer.byteLength(text) <= indexedBytes) return text;
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

const StoredSchema = z.object({ data: z.string() });

export function decodeDocument(stored: unknown): JsonObject {
  return JSON.parse(StoredSchema.parse(stored).data);
}

/** A version is the time of the write, to the last digit that Firestore keeps. */
export function toVersion(time: Timestamp): string {
  return `${time.seconds}.${String(time.nanoseconds).padStart(9, "0")}`;
}

/** One field of a collection whose indexes are not the automatic ones. */
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
 * What the database has to index, in the form of `firestore.indexes.json`: the fields that are queried by, and nothing else.
 * By default every field is indexed twice, times among them, and those hold a collection to 500 writes a second. Queries are
 * of equality alone, which single-field indexes answer together, so there is no composite index.
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
