import { createHash } from "node:crypto";
import type { Timestamp } from "@google-cloud/firestore";
import * as z from "zod";
import {
  type CollectionSpec,
  collectionNames,
  collections,
  type ListedSpec,
  listedField,
} from "../../core/storage/collections.ts";
import { expiresAfterSeconds } from "../../core/storage/expiry.ts";
import type { JsonObject, JsonValue } from "../../core/values/json.ts";
import type { DocumentKey } from "../../ports/store.ts";

/** The field of the TTL policy: Firestore may delete a document after this time. */
export const expiryField = "expireAt";

/**
 * A stored document has its data as JSON text, and beside it copies of the fields that queries use. In a map Firestore
 * would sort the fields, and refuse nested lists and more than 20 levels. All documents of a collection have the same
 * fields, so an update replaces everything.
 */
export function encodeDocument(
  { collection, id }: DocumentKey,
  data: JsonObject,
  options: { readonly retentionSeconds: number; readonly nowMs: number },
): Record<string, unknown> {
  const spec: CollectionSpec = collections[collection];
  const encoded: Record<string, unknown> = { data: JSON.stringify(data) };
  for (const field of spec.fields) encoded[field] = toIndexedValue(data[field]);
  for (const field of spec.arrays) encoded[field] = data[field] ?? [];
  if (spec.listed) Object.assign(encoded, listedFields(spec, spec.listed, id, data));
  const seconds = expiresAfterSeconds(collection, data, options.retentionSeconds);
  if (seconds !== undefined) encoded[expiryField] = new Date(options.nowMs + seconds * 1_000);
  return encoded;
}

/** Spreads the documents of a list over as many parts: see `newest`. */
export const shardField = "shard";
export const shards = ["0", "1", "2", "3"] as const;

function listedFields(spec: CollectionSpec, listed: ListedSpec, id: string, data: JsonObject) {
  const { times, group, filters, tokens } = listed;
  const fields: Record<string, unknown> = { [shardField]: shardOf(id) };
  for (const field of [group, ...filters]) fields[field] = toIndexedValue(listedField(spec, field, data));
  fields[tokens] = listedField(spec, tokens, data) ?? [];
  // A document without the field is in no index of it, so it is in no list.
  for (const time of times) if (typeof data[time] === "number") fields[time] = data[time];
  return fields;
}

function shardOf(id: string): string {
  const [first = 0] = createHash("sha256").update(id).digest();
  return shards[first % shards.length] ?? shards[0];
}

function toIndexedValue(value: JsonValue | readonly string[] | undefined): string | null {
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

interface IndexedField {
  readonly fieldPath: string;
  readonly order?: "ASCENDING" | "DESCENDING";
  readonly arrayConfig?: "CONTAINS";
}

interface CompositeIndex {
  readonly collectionGroup: string;
  readonly queryScope: "COLLECTION";
  readonly fields: readonly IndexedField[];
}

interface IndexFile {
  readonly indexes: readonly CompositeIndex[];
  readonly fieldOverrides: readonly FieldOverride[];
}

/**
 * The content of `firestore.indexes.json`: indexes for the fields that queries use, and for no others. By default
 * Firestore indexes every field twice, and indexed times limit a collection to 500 writes a second. Queries that test
 * only equality are answered by single-field indexes together, lists by composite ones.
 */
export function toIndexFile(): IndexFile {
  return {
    indexes: collectionNames.flatMap((name) => compositeIndexes(name, collections[name])),
    fieldOverrides: collectionNames.flatMap((name) => fieldOverrides(name, collections[name])),
  };
}

/**
 * Each begins with the group or the shard, so that the newest entries of a list are in several places of the index, and
 * ends with the time. Firestore merges those with the same beginning and end for a list with several filters.
 */
function compositeIndexes(collectionGroup: string, { listed }: CollectionSpec): CompositeIndex[] {
  if (!listed) return [];
  const ascending = (fieldPath: string): IndexedField => ({ fieldPath, order: "ASCENDING" });
  const filters: readonly (readonly IndexedField[])[] = [
    [],
    ...listed.filters.map((field) => [ascending(field)]),
    [{ fieldPath: listed.tokens, arrayConfig: "CONTAINS" }],
  ];
  return [listed.group, shardField].flatMap((first) =>
    listed.times.flatMap((time) =>
      filters.map((filter): CompositeIndex => {
        const last: IndexedField = { fieldPath: time, order: "DESCENDING" };
        return { collectionGroup, queryScope: "COLLECTION", fields: [ascending(first), ...filter, last] };
      }),
    ),
  );
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
