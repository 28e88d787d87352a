import { BatonError, type ErrorContext } from "../core/errors/errors.ts";
import type { CollectionName } from "../core/records.ts";
import type { JsonObject } from "../core/values/json.ts";

export interface DocumentKey {
  readonly collection: CollectionName;
  readonly id: string;
}

/** Opaque; changes with every write of the document and is never used twice for it. */
export type Version = string;

export interface StoredDocument {
  readonly key: DocumentKey;
  readonly data: JsonObject;
  readonly version: Version;
  /** When the document was last written, by the store's clock, in milliseconds. */
  readonly updateTime: number;
}

export interface Snapshot {
  readonly document: StoredDocument | undefined;
  /** When the read took place, by the store's clock, in milliseconds. */
  readonly readTime: number;
}

export type Write =
  /** Refused when the document exists. */
  | { readonly kind: "create"; readonly key: DocumentKey; readonly data: JsonObject }
  /** Refused unless the document has that version. */
  | {
      readonly kind: "update";
      readonly key: DocumentKey;
      readonly version: Version;
      readonly data: JsonObject;
    }
  /** Refused unless the document has that version. */
  | { readonly kind: "delete"; readonly key: DocumentKey; readonly version: Version };

/** The version that every document written by a commit now has. */
export interface CommitResult {
  readonly version: Version;
  /** By the store's clock, in milliseconds. */
  readonly commitTime: number;
}

export type CommitEachResult =
  | { readonly ok: true; readonly committed: CommitResult }
  | { readonly ok: false; readonly error: Error };

/** Equality on a declared field, or "contains" on a declared array. */
export interface Condition {
  readonly field: string;
  readonly equals: string;
}

export interface QueryOptions {
  readonly limit: number;
  /** Only documents that come after this one, which need not be there any more. The order is the store's own, by id. */
  readonly startAfter?: string;
}

export interface QueryResult {
  readonly documents: readonly StoredDocument[];
  readonly readTime: number;
}

/** A write met a document that does not satisfy its condition. It may be the caller's own earlier try. */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
}

/**
 * No answer came in time. The call may still come about: `late` settles when that is decided, should anybody hear of it
 * then.
 */
export class StoreTimeoutError extends BatonError {
  readonly lateResult: Promise<unknown>;

  constructor(message: string, late: Promise<unknown>, context: ErrorContext) {
    super("STORE_FAILED", message, context);
    this.lateResult = late;
  }
}

/** Opaque: a moment in the life of a store. */
export type SyncMark = number;

/**
 * A conditional document store. It knows nothing of workflows.
 *
 * A commit that returns is *applied*: every later read and count of this process sees it. `sync` waits until
 * all that is applied is also *durable*; nothing may be acknowledged, and no effect started, before that.
 * Stores that are durable at once (Firestore) have a `sync` that returns at once.
 *
 * Any error of a commit other than ConflictError leaves open whether it was applied.
 */
export interface DocumentStore {
  get(key: DocumentKey): Promise<Snapshot>;
  /** Applies all writes, in order, or none. Throws ConflictError when a condition does not hold. */
  commit(writes: readonly Write[]): Promise<CommitResult>;
  /** Applies each write on its own; the results are in the order of the writes. */
  commitEach(writes: readonly Write[]): Promise<readonly CommitEachResult[]>;
  /** Strong: counts everything committed before the call. */
  count(collection: CollectionName, condition: Condition): Promise<number>;
  /** Strong. All conditions must hold; none means all documents. */
  query(
    collection: CollectionName,
    conditions: readonly Condition[],
    options: QueryOptions,
  ): Promise<QueryResult>;
  /** Taken before a stretch of work, given to the `sync` at its end. */
  mark(): SyncMark;
  /** Resolves when everything applied so far is durable; throws when anything applied since the mark was undone. */
  sync(since: SyncMark): Promise<void>;
}
