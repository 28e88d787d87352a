import { BatonError } from "../core/errors.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { SyncMark } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";

/**
 * Publishes what follows from writes made since the mark, unless any of them was undone meanwhile: a message must not
 * outlive the write it announces. No moment lies between the look and the publish. Throws `STORE_FAILED`.
 */
export function publishSince(
  { store, broker }: Pick<Dependencies, "store" | "broker">,
  since: SyncMark,
  messages: readonly OutgoingMessage[],
): Promise<void> {
  if (store.mark() !== since)
    return Promise.reject(new BatonError("STORE_FAILED", "What was to be announced has been undone"));
  return broker.publish(messages);
}
