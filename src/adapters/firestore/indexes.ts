import { type CollectionSpec, collectionNames, collections } from "../../core/records.ts";
import { expiryField } from "./encoding.ts";

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

export interface IndexFile {
  readonly indexes: readonly never[];
  readonly fieldOverrides: readonly FieldOverride[];
}

/**
 * What the database has to index, in the form of `firestore.indexes.json`: the fields that are queried by, and nothing else.
 * By default every field is indexed twice, times among them, and those hold a collection to 500 writes a second. Queries are
 * of equality alone, which single-field indexes answer together, so there is no composite index.
 */
export function indexFile(): IndexFile {
  return {
    indexes: [],
    fieldOverrides: collectionNames.flatMap((name) => overridesOf(name, collections[name])),
  };
}

function overridesOf(collectionGroup: string, { fields, arrays, kept }: CollectionSpec): FieldOverride[] {
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
