import * as z from "zod";
import { type FieldPath, formatFieldPath } from "./field-paths.ts";

const QueryScopeSchema = z.enum(["COLLECTION", "COLLECTION_GROUP"]).default("COLLECTION");
const ModeSchema = z.object({
  order: z.enum(["ASCENDING", "DESCENDING"]).optional(),
  arrayConfig: z.literal("CONTAINS").optional(),
});
const IndexFileSchema = z.object({
  indexes: z
    .array(
      z.object({
        collectionGroup: z.string(),
        queryScope: QueryScopeSchema,
        fields: z.array(ModeSchema.extend({ fieldPath: z.string() })),
      }),
    )
    .default([]),
  fieldOverrides: z
    .array(
      z.object({
        collectionGroup: z.string(),
        fieldPath: z.string(),
        ttl: z.boolean().default(false),
        /** Not given: the automatic ones stay. */
        indexes: z.array(ModeSchema.extend({ queryScope: QueryScopeSchema })).optional(),
      }),
    )
    .default([]),
});

type IndexFile = z.infer<typeof IndexFileSchema>;
export type QueryScope = z.infer<typeof QueryScopeSchema>;
/** How a field stands in an index: sorted by its value, or by each element of its array. */
export type IndexMode = z.infer<typeof ModeSchema>;
export type CompositeIndex = IndexFile["indexes"][number];
export type FieldOverride = IndexFile["fieldOverrides"][number];
export type SingleFieldIndex = NonNullable<FieldOverride["indexes"]>[number];

/** What Firestore does with every field by itself. */
export const automaticIndexes: readonly SingleFieldIndex[] = [
  { order: "ASCENDING", queryScope: "COLLECTION" },
  { order: "DESCENDING", queryScope: "COLLECTION" },
  { arrayConfig: "CONTAINS", queryScope: "COLLECTION" },
];

/** The indexes of a database, as a `firestore.indexes.json` declares them. */
export class IndexConfig {
  readonly composites: readonly CompositeIndex[];
  readonly overrides: readonly FieldOverride[];
  /** Without a file, nothing is known of the indexes, and no query is refused for want of one. */
  readonly isDeclared: boolean;
  readonly #byField = new Map<string, readonly SingleFieldIndex[]>();

  /** `file`: the parsed JSON. Throws a ZodError when it is no such file. */
  constructor(file: unknown) {
    const { indexes, fieldOverrides } = IndexFileSchema.parse(file ?? {});
    this.isDeclared = file !== undefined;
    this.composites = indexes;
    this.overrides = fieldOverrides;
  }

  /** Of the field itself, the map that it is in, all fields of its collection group, or the automatic ones. */
  ofField(group: string, path: FieldPath): readonly SingleFieldIndex[] {
    const key = `${group}/${formatFieldPath(path)}`;
    const known = this.#byField.get(key);
    if (known) return known;
    const found = this.#nearest(group, path)?.indexes ?? automaticIndexes;
    this.#byField.set(key, found);
    return found;
  }

  #nearest(group: string, path: FieldPath): FieldOverride | undefined {
    const candidates = path.map((_, index) => formatFieldPath(path.slice(0, path.length - index)));
    for (const fieldPath of [...candidates, "*"]) {
      const found = this.overrides.find(
        (override) =>
          override.collectionGroup === group &&
          override.fieldPath === fieldPath &&
          override.indexes !== undefined,
      );
      if (found) return found;
    }
    return undefined;
  }
}
