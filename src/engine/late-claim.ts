import { messageOf } from "../core/errors.ts";
import type { TaskLog } from "../core/records.ts";
import type { DocumentKey } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { commitOwned } from "./owned-commit.ts";

/**
 * Gives back a claim that nobody waits for any more, should it come about after all: its task need not wait for the end of a lease
 * that nobody uses, and no lease counts as lost. A process that is gone by then leaves the claim to its lease; so does an instance
 * of Cloud Run that has answered all its requests, and gets no processor time.
 */
export function giveBackLate(
  dependencies: Dependencies,
  key: DocumentKey,
  claim: TaskLog,
  late: Promise<unknown>,
): void {
  const { logger } = dependencies;
  const { batchId, taskId } = claim;
  const giveBack = async () => {
    if (await giveBackNow(dependencies, key, claim))
      logger.warn("a claim that had been given up came about, and was given back", { batchId, taskId });
  };
  // After an error too: the client may have been told of a conflict with its own earlier try.
  late.then(giveBack, giveBack).catch((error: unknown) => {
    logger.warn("a claim that was given up may have come about", {
      batchId,
      taskId,
      error: messageOf(error),
    });
  });
}

async function giveBackNow({ store, ids }: Dependencies, key: DocumentKey, claim: TaskLog): Promise<boolean> {
  const { document } = await store.get(key);
  // mutation: only-the-late-claim-is-released
  if (document?.data.nonce !== claim.nonce) return false;
  const free = { status: "WAITING", reason: "released", worker: null, dueSeconds: 0 } as const;
  const data = { ...claim, ...free, nonce: ids.unique() };
  const given = await commitOwned(store, { kind: "update", key, version: document.version, data });
  return given.kind === "won";
}
