import type { Committed, DocumentStore, EachCommitted, Snapshot, Write } from "../ports/store.ts";

/** A write that can be recognised afterwards: its data carries a nonce that no other write has. */
export type OwnedWrite = Exclude<Write, { kind: "delete" }> & { readonly data: { readonly nonce: string } };

export type CommitOutcome =
  | { readonly kind: "won"; readonly committed: Committed }
  /** The document is not as the write demanded, and not by our doing. */
  | { readonly kind: "lost"; readonly current: Snapshot };

/**
 * Commits one conditional write, and on any error reads back whose write stands: the client library retries by
 * itself, so our own success can come back as a conflict, and an error can hide a commit that was applied.
 * Throws the store's error when the write is not there and could still succeed.
 */
export async function commitOwned(store: DocumentStore, write: OwnedWrite): Promise<CommitOutcome> {
  try {
    return { kind: "won", committed: await store.commit([write]) };
  } catch (error) {
    return readBack(store, write, error);
  }
}

/** Like commitOwned for many writes that do not depend on each other. */
export async function commitEachOwned(
  store: DocumentStore,
  writes: readonly OwnedWrite[],
): Promise<CommitOutcome[]> {
  const results = await commitEach(store, writes);
  return Promise.all(
    writes.map((write, index): CommitOutcome | Promise<CommitOutcome> => {
      const result = results[index];
      if (result?.ok) return { kind: "won", committed: result.committed };
      return readBack(store, write, result?.error);
    }),
  );
}

async function commitEach(
  store: DocumentStore,
  writes: readonly OwnedWrite[],
): Promise<readonly EachCommitted[]> {
  try {
    return await store.commitEach(writes);
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    return writes.map(() => ({ ok: false, error: failure }));
  }
}

async function readBack(store: DocumentStore, write: OwnedWrite, error: unknown): Promise<CommitOutcome> {
  const current = await store.get(write.key);
  const { document } = current;
  if (document && document.data.nonce === write.data.nonce)
    return { kind: "won", committed: { version: document.version, commitTime: document.updateTime } };
  const demanded = write.kind === "create" ? undefined : write.version;
  if (document?.version !== demanded) return { kind: "lost", current };
  throw error;
}
