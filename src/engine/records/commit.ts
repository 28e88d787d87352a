import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { toStoredError } from "../../core/records.ts";
import {
  andThen,
  atOnce,
  type CommitEachResult,
  type CommitResult,
  type DocumentStore,
  type MaybePromise,
  type Snapshot,
  StoreTimeoutError,
  type Version,
  type Write,
} from "../../ports/store.ts";
import type { Ports } from "../dependencies.ts";

/** A write that its writer recognizes later: no other write has its nonce. */
export type NoncedWrite = Exclude<Write, { kind: "delete" }> & { readonly data: { readonly nonce: string } };

export type CommitOutcome =
  | { readonly kind: "won"; readonly committed: CommitResult }
  /** Another writer was faster. */
  | { readonly kind: "lost"; readonly current: Snapshot };

export type AtomicOutcome =
  | { readonly kind: "won"; readonly committed: CommitResult }
  /** Another writer was faster. `current`: the documents, in the order of the writes. */
  | { readonly kind: "lost"; readonly current: readonly Snapshot[] };

/**
 * Commits conditional writes together. After any error it reads back whose writes are stored: client libraries retry,
 * so our own success may come back as a conflict, and an error may hide a commit that was applied. Throws the store's
 * error if the writes are not stored and a retry could succeed.
 */
export function commitAtomic(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
): MaybePromise<AtomicOutcome> {
  const committed = store.commit(writes);
  return committed instanceof Promise ? outcomeOf(store, writes, committed) : { kind: "won", committed };
}

async function outcomeOf(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
  committed: Promise<CommitResult>,
): Promise<AtomicOutcome> {
  try {
    return { kind: "won", committed: await committed };
  } catch (error) {
    // mutation: error-of-a-commit-is-ambiguous
    return readBack(store, writes, error);
  }
}

/** Like `commitAtomic`, for one write. */
export function commitIdempotent(store: DocumentStore, write: NoncedWrite): MaybePromise<CommitOutcome> {
  return andThen(commitAtomic(store, [write]), single);
}

/** Like `commitIdempotent`, for many writes that do not depend on each other. */
export async function commitEachIdempotent(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
): Promise<CommitOutcome[]> {
  if (writes.length === 0) return [];
  const results = await commitEach(store, writes);
  return Promise.all(
    writes.map(async (write, index): Promise<CommitOutcome> => {
      const result = results[index];
      if (result?.ok) return { kind: "won", committed: result.committed };
      return single(await readBack(store, [write], result?.error));
    }),
  );
}

async function commitEach(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
): Promise<readonly CommitEachResult[]> {
  try {
    return await store.commitEach(writes);
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    return writes.map(() => ({ ok: false, error: failure }));
  }
}

async function readBack(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
  error: unknown,
): Promise<AtomicOutcome> {
  const current = await Promise.all(writes.map((write) => store.get(write.key))).catch((unread: unknown) => {
    // Only the error of the write itself says whether it may still be applied.
    throw error instanceof StoreTimeoutError ? error : unread;
  });
  for (const [index, write] of writes.entries()) {
    const document = current[index]?.document;
    // The writes are atomic: one that is stored, and not overwritten, proves all of them.
    // mutation: own-write-is-recognised-by-its-nonce
    if (document && document.data.nonce === write.data.nonce)
      return { kind: "won", committed: { version: document.version, commitTime: document.updateTime } };
  }
  const refused = writes.some((write, index) => current[index]?.document?.version !== demandedVersion(write));
  if (refused) return { kind: "lost", current };
  throw error;
}

function demandedVersion(write: NoncedWrite): Version | undefined {
  return write.kind === "create" ? undefined : write.version;
}

function single(outcome: AtomicOutcome): CommitOutcome {
  if (outcome.kind === "won") return outcome;
  const [current] = outcome.current;
  if (!current) throw new TypeError("One write has one snapshot");
  return { kind: "lost", current };
}

/** Returns the result of `work` when its writes are durable. Throws what `work` throws, and if a write was undone. */
export async function durably<Result>(
  store: DocumentStore,
  work: () => MaybePromise<Result>,
): Promise<Result> {
  const since = store.mark();
  const result = await work();
  await store.sync(since);
  return result;
}

/**
 * Retries `work` for a few seconds on retryable errors, so that a transient outage neither fails an attempt nor repeats
 * finished work. Fails with the last error.
 */
export function retryTransient<T>(
  ports: Ports<"logger" | "clock">,
  work: () => MaybePromise<T>,
): MaybePromise<T> {
  const first = atOnce(work);
  return first instanceof Promise ? withRetries(ports, work, first) : first;
}

async function withRetries<T>(
  { logger, clock }: Ports<"logger" | "clock">,
  work: () => MaybePromise<T>,
  first: Promise<T>,
): Promise<T> {
  let attempt: MaybePromise<T> = first;
  for (const delayMs of limits.retryDelaysMs) {
    try {
      return await attempt;
    } catch (error) {
      if (!toStoredError(error).retryable) throw error;
      logger.warn("a service refuses; trying again", { delayMs, error: errorMessage(error) });
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    }
    attempt = atOnce(work);
  }
  return attempt;
}
