/**
 * What becomes of a message whose handling met the error:
 * `dead-letter` — it can never succeed as it is: keep it, show it, acknowledge it;
 * `retry` — it may succeed later: redeliver it with back-off;
 * `none` — the error does not come out of message handling.
 */
export type Disposition = "dead-letter" | "retry" | "none";

export interface ErrorEntry {
  readonly disposition: Disposition;
  readonly remedy: string;
}

export function entry(disposition: Disposition, remedy: string): ErrorEntry {
  return { disposition, remedy };
}
