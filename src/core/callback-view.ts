import type { Callback } from "./callback.ts";
import { isoTime } from "./time.ts";

/** A final callback as `baton explain --json` prints it. Times are ISO 8601, UTC. */
export interface CallbackView
  extends Pick<
    Callback,
    "eventId" | "type" | "state" | "batchId" | "taskId" | "key" | "archived" | "resends"
  > {
  readonly url: string;
  readonly occurredAt: string;
  readonly deliveredAt: string | null;
  /** Sends that failed one after another. */
  readonly failures: number;
  /** The last ones, newest last. `error` is null when the receiver took the page. */
  readonly sends: readonly { readonly at: string; readonly page: number; readonly error: string | null }[];
}

export function callbackView(callback: Callback): CallbackView {
  const { eventId, type, state, batchId, taskId, key, archived, resends, failures, target } = callback;
  return {
    eventId,
    type,
    state,
    batchId,
    taskId,
    key,
    archived,
    resends,
    failures,
    url: target.url,
    occurredAt: isoTime(callback.occurredAt),
    deliveredAt: callback.deliveredAt === null ? null : isoTime(callback.deliveredAt),
    sends: callback.sends.map((send) => ({ ...send, at: isoTime(send.at) })),
  };
}
