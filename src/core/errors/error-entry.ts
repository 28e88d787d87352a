/**
 * What happens to a message whose handler throws the error:
 * `dead-letter`: it can never succeed as it is. It is stored as a dead letter and acknowledged.
 * `retry`: it may succeed later. It is redelivered with back-off.
 * `none`: no message handler throws this error.
 */
export type Disposition = "dead-letter" | "retry" | "none";

export interface ErrorEntry {
  readonly disposition: Disposition;
  readonly remedy: string;
}

export function entry(disposition: Disposition, remedy: string): ErrorEntry {
  return { disposition, remedy };
}
