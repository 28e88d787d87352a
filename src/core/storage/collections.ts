import { batchLists } from "../history/batch-search.ts";
import type { JsonObject, JsonValue } from "../values/json.ts";

/** Is in every token by which a task is found that waits for an event, and in no token that is only counted. */
export const eventTokenMark = "/event/";

/** Ends every token by which the failed tasks of a batch are found. */
const failureTokenEnd = "/ERROR";

/** Collections of the document store, with the fields by which each may be counted and queried. */
export const collections = {
  definitions: { fields: [], arrays: [], kept: "for ever" },
  workflows: { fields: [], arrays: [], kept: "for ever" },
  batches: {
    fields: ["status", "lineageId"],
    arrays: [],
    listed: batchLists,
    kept: "retention",
  },
  taskLogs: {
    fields: ["batchId"],
    arrays: ["arrivals"],
    isQueried: (token) => token.includes(eventTokenMark) || token.endsWith(failureTokenEnd),
    clusteredBy: "batchId",
    kept: "retention",
  },
  deadLetters: { fields: [], arrays: [], kept: "retention" },
  schedules: { fields: [], arrays: [], kept: "for ever" },
  executions: { fields: ["state"], arrays: [], ordered: ["key"], kept: "while due" },
  steps: { fields: ["scope"], arrays: [], clusteredBy: "scope", kept: "retention" },
  events: { fields: ["batchId"], arrays: [], clusteredBy: "batchId", kept: "retention" },
  callbacks: { fields: ["state", "key", "batchId"], arrays: [], kept: "retention" },
} as const satisfies Readonly<Record<string, CollectionSpec>>;

/** How documents are listed by a time, newest first. */
export interface ListedSpec {
  /** Fields of times, in milliseconds. A document without one is in no list by it. */
  readonly times: readonly string[];
  /** Those of them that never change. */
  readonly fixedTimes: readonly string[];
  /** A field of string value that never changes. Few documents a second are created with one value. */
  readonly group: string;
  /** Fields of string value by which a list is restricted. */
  readonly filters: readonly string[];
  /** A derived list of strings that never changes, one of which a list may be restricted to. */
  readonly tokens: string;
  /** How the fields that no document has are computed from it. */
  readonly derive: Readonly<Record<string, (data: JsonObject) => string | readonly string[] | undefined>>;
}

/** What an adapter has to index. */
export interface CollectionSpec {
  /** Fields of string value, queried by equality. Null and absent fields are not indexed. */
  readonly fields: readonly string[];
  /** Fields that hold strings, counted and queried by "contains". */
  readonly arrays: readonly string[];
  /** Fields of string value that never change, by which a store that keeps orders can list documents. */
  readonly ordered?: readonly string[];
  readonly listed?: ListedSpec;
  /** Which strings of its arrays are queried. All others are only counted: a store may keep a number for each. */
  readonly isQueried?: (value: string) => boolean;
  /** A field whose value begins every document id, followed by `/`: documents that share it lie together. */
  readonly clusteredBy?: string;
  /**
   * How long a document is needed, for stores that delete expired ones: `retention` is the configured time from its
   * last write, `while due` is as long as its own `dueSeconds`.
   */
  readonly kept: "for ever" | "retention" | "while due";
}
export type CollectionName = keyof typeof collections;
export const collectionNames: readonly CollectionName[] = Object.keys(collections).filter(
  (name): name is CollectionName => Object.hasOwn(collections, name),
);

/** A field of a document by which it is listed: its own, or one that is computed from it. */
export function listedField(
  { listed }: CollectionSpec,
  field: string,
  data: JsonObject,
): JsonValue | readonly string[] | undefined {
  return listed && Object.hasOwn(listed.derive, field) ? listed.derive[field]?.(data) : data[field];
}
