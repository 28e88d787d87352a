import type { Callback } from "../../core/callback.ts";
import { withoutQuery } from "./explain.ts";
import { oneLine } from "./text.ts";

/** What became of one callback that was to be sent again. */
export interface ResentView {
  readonly eventId: string;
  /**
   * `delivered`: taken, though perhaps not archived, see `error`; `not_taken`: it stays to be sent, see `error`; `under_way`: another process is at it; `missing`: archived,
   * but no longer in the store; `selected`: what a dry run found.
   */
  readonly outcome: "delivered" | "not_taken" | "under_way" | "missing" | "selected";
  readonly error: string | null;
  readonly type: Callback["type"] | null;
  readonly key: string | null;
  readonly batchId: string | null;
  readonly taskId: string | null;
  readonly url: string | null;
}

/** A callback as it stands after it was sent, or found. */
export function resentView(callback: Callback, outcome: ResentView["outcome"]): ResentView {
  const { eventId, type, key, batchId, taskId, target, sends } = callback;
  const error = callback.failures > 0 ? (sends.at(-1)?.error ?? null) : null;
  return { eventId, outcome, error, type, key, batchId, taskId, url: target.url };
}

export function missingView(eventId: string): ResentView {
  return {
    eventId,
    outcome: "missing",
    error: null,
    type: null,
    key: null,
    batchId: null,
    taskId: null,
    url: null,
  };
}

/** What was taken is delivered, also when it could not be archived yet. */
export function outcomeAfter({ state, failures, deliveredAt }: Callback): ResentView["outcome"] {
  if (deliveredAt !== null) return "delivered";
  return state === "GIVEN_UP" || failures > 0 ? "not_taken" : "under_way";
}

export function resentLine({ eventId, outcome, error, type, batchId, taskId, url }: ResentView): string {
  const about = `${type} of task ${taskId} in ${batchId}, to ${withoutQuery(url ?? "")}`;
  return oneLine(`${eventId}  ${wordsFor(outcome, about, error ?? "")}`);
}

function wordsFor(outcome: ResentView["outcome"], about: string, error: string): string {
  switch (outcome) {
    case "delivered":
      return `delivered: ${about}${error === "" ? "" : `; not archived: ${error}`}`;
    case "not_taken":
      return `not accepted: ${about}: ${error}; \`baton start\` keeps trying`;
    case "under_way":
      return `being sent by another process: ${about}`;
    case "missing":
      return "archived, but no longer in the store: it can't be sent again";
    case "selected":
      return `would be sent again: ${about}`;
  }
}
