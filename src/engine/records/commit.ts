import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { toStoredError } from "../../core/records.ts";
import {
  type CommitEachResult,
  type CommitResult,
  type DocumentStore,
  type Snapshot,
  StoreTimeoutError,
  type Write,
} from "../../ports/store.ts";
import type { Dependencies } from "../dependencies.ts";

/** A write that can be recognised afterwards: its data carries a nonce that no other write has. */
export type NoncedWrite = Exclude<Write, { kind: "delete" }> & { readonly data: { readonly nonce: string } };

export type CommitOutcome =
  | { readonly kind: "won"; readonly committed: CommitResult }
  /** The document is not as the write demanded, and not by our doing. */
  | { readonly kind: "lost"; readonly current: Snapshot };

export type AtomicOutcome =
  | { readonly kind: "won"; readonly committed: CommitResult }
  /** Some document is not as its write demanded. What stands, in the order of the writes. */
  | { readonly kind: "lost"; readonly current: readonly Snapshot[] };

/**
 * Commits conditional writes together, and on any error reads back whose writes stand: the client library retries by
 * itself, so our own success can come back as a conflict, and an error can hide a commit that was applied.
 * Throws the store's error when the writes are not there and could still succeed.
 */
export async function commitAtomic(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
): Promise<AtomicOutcome> {
  try {
    return { kind: "won", committed: await store.commit(writes) };
  } catch (error) {
    // mutation: error-of-a-commit-is-ambiguous
    return readBack(store, writes, error);
  }
}

/** Like commitJointly for one write. */
export async function commitIdempotent(store: DocumentStore, write: NoncedWrite): Promise<CommitOutcome> {
  return single(await commitAtomic(store, [write]));
}

/** Like commitOwned for many writes that do not depend on each other. */
export async function commitEachIdempotent(
  store: DocumentStore,
  writes: readonly NoncedWrite[],
): Promise<CommitOutcome[]> {
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
    // Only the write's own error tells what may still become of it.
    throw error instanceof StoreTimeoutError ? error : unread;
  });
  for (const [index, write] of writes.entries()) {
    const document = current[index]?.document;
    // Applied together: one write that stands, and has not been written over, tells of all.
    // mutation: own-write-is-recognised-by-its-nonce
    if (document && document.data.nonce === write.data.nonce)
      return { kind: "won", committed: { version: document.version, commitTime: document.updateTime } };
  }
  const refused = writes.some((write, index) => current[index]?.document?.version !== demandedVersion(write));
  if (refused) return { kind: "lost", current };
  throw error;
}

function demandedVersion(write: NoncedWrite): string | undefined {
  return write.kind === "create" ? undefined : write.version;
}

function single(outcome: AtomicOutcome): CommitOutcome {
  if (outcome.kind === "won") return outcome;
  const [current] = outcome.current;
  if (!current) throw new TypeError("One write has one snapshot");
  return { kind: "lost", current };
}

/** Gives the result of work that writes once its writes are durable. Throws what the work throws, or that one was undone. */
export async function durably<Result>(store: DocumentStore, work: () => Promise<Result>): Promise<Result> {
  const since = store.mark();
  const result = await work();
  await store.sync(since);
  return result;
}

/**
 * Tries again, for some seconds, what a service refuses while a task has its claim: work that is done is not to be done
 * again because its record was refused once, and no attempt is to fail for a hiccup. Throws the error when it lasts.
 */
export async function retryTransient<T>(
  { logger, clock }: Pick<Dependencies, "logger" | "clock">,
  work: () => Promise<T>,
): Promise<T> {
  for (const delayMs of limits.retryDelaysMs) {
    try {
      return await work();
    } catch (error) {
      if (!toStoredError(error).retryable) throw error;
      logger.warn("a service refuses; trying again", { delayMs, error: errorMessage(error) });
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    }
  }
  return work();
}
