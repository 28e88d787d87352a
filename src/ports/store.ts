import { BatonError, type ErrorContext } from "../core/errors/errors.ts";
import type { CollectionName } from "../core/storage/collections.ts";
import type { JsonObject } from "../core/values/json.ts";

/**
 * The answer of a port. A port that has the answer returns it at once, so that its caller does not pay for a promise.
 * `await` takes both. A failure is always a rejected promise, never thrown by the call itself: one of several calls
 * that run side by side can't leave the others without a handler.
 */
export type MaybePromise<Result> = Result | Promise<Result>;

/** Makes a call that may have its answer at once. What it throws becomes a rejected promise. */
export function atOnce<Result>(call: () => MaybePromise<Result>): MaybePromise<Result> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Continues with an answer: at once if there is one, else when there is. */
export function andThen<Answer, Result>(
  answer: MaybePromise<Answer>,
  next: (answer: Answer) => MaybePromise<Result>,
): MaybePromise<Result> {
  return answer instanceof Promise ? answer.then(next) : next(answer);
}

export interface DocumentKey {
  readonly collection: CollectionName;
  readonly id: string;
}

/** Opaque: a store makes it and compares it. It changes with every write of the document and never comes again. */
export type Version = string | number;

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
  /** Fails if the document exists. */
  | { readonly kind: "create"; readonly key: DocumentKey; readonly data: JsonObject }
  /** Fails unless the document has this version. */
  | {
      readonly kind: "update";
      readonly key: DocumentKey;
      readonly version: Version;
      readonly data: JsonObject;
    }
  /** Fails unless the document has this version. */
  | { readonly kind: "delete"; readonly key: DocumentKey; readonly version: Version };

/** The version and time of all documents that a commit has written. */
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
  /** Only documents after this id, which need not exist any more. The store defines the order of ids. */
  readonly startAfter?: string;
}

/** A list of documents in the order of a time, newest first. */
export interface TimeOrder {
  /** One of the `times` of the collection. */
  readonly by: string;
  /** Only documents from this time on, in milliseconds. */
  readonly from?: number;
  /** Only documents before this time. */
  readonly before?: number;
  /** Only documents after this one, in the order of the list. It need not exist any more. */
  readonly startAfter?: { readonly at: number; readonly id: string };
}

/** The order of one of the `ordered` fields, from a value on that is not included. */
export interface FieldOrder {
  readonly field: string;
  readonly from: string;
  readonly direction: "up" | "down";
}

export interface QueryResult {
  readonly documents: readonly StoredDocument[];
  readonly readTime: number;
}

/** A version conflict. The conflicting write may be the caller's own earlier attempt. */
export class ConflictError extends Error {
  override readonly name = "ConflictError";
}

/**
 * The call timed out and may still be applied. `lateResult` settles with its real outcome, if the process lives that
 * long.
 */
export class StoreTimeoutError extends BatonError {
  readonly lateResult: Promise<unknown>;

  constructor(message: string, lateResult: Promise<unknown>, context: ErrorContext) {
    super("STORE_FAILED", message, context);
    this.lateResult = lateResult;
  }
}

/** An opaque point in the sequence of a store's writes. */
export type SyncMark = number;

/**
 * A document store with conditional writes. It knows nothing of workflows.
 *
 * A commit that returns is *applied*: every later read and count of this process sees it. `sync` waits until all
 * applied writes are also *durable*. Before that, acknowledge nothing and start no effect. Where a commit is durable at
 * once (Firestore), `sync` returns at once.
 *
 * After any error of a commit other than ConflictError, the commit may have been applied or not.
 */
export interface DocumentStore {
  get(key: DocumentKey): MaybePromise<Snapshot>;
  /** Applies all writes in order, or none. Throws ConflictError if a condition does not hold. */
  commit(writes: readonly Write[]): MaybePromise<CommitResult>;
  /** Applies each write separately. The results are in the order of the writes. */
  commitEach(writes: readonly Write[]): MaybePromise<readonly CommitEachResult[]>;
  /** Strongly consistent: counts everything committed before the call. */
  count(collection: CollectionName, condition: Condition): MaybePromise<number>;
  /** Strongly consistent. All conditions must hold; without conditions it returns all documents. */
  query(
    collection: CollectionName,
    conditions: readonly Condition[],
    options: QueryOptions,
  ): MaybePromise<QueryResult>;
  /**
   * Documents in the order of a time. The conditions are on the group, the filters and one of the tokens of the
   * collection's `listed`. Only as many documents are read as are returned, and few more.
   */
  newest(
    collection: CollectionName,
    conditions: readonly Condition[],
    order: TimeOrder,
    limit: number,
  ): MaybePromise<QueryResult>;
  /** Documents in the order of a field. Undefined: the store keeps no such orders. */
  inOrder(
    collection: CollectionName,
    order: FieldOrder,
    limit: number,
  ): MaybePromise<QueryResult | undefined>;
  /** Marks the start of some work, for the `sync` at its end. */
  mark(): SyncMark;
  /** Returns when all applied writes are durable. Fails if a write applied since the mark was rolled back. */
  sync(since: SyncMark): MaybePromise<void>;
}
