import type { JsonValue } from "../core/values/json.ts";

export interface CallbackRequest {
  readonly url: string;
  /** The secrets that may be put into the address, where it has `{{ secrets.NAME }}`. */
  readonly secrets?: readonly string[] | undefined;
  /** `webhook-id`: the receiver tells repeats by it. */
  readonly webhookId: string;
  /** The exact bytes that are signed and sent. */
  readonly body: string;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/**
 * Sends one signed request by the Standard Webhooks scheme. Resolves when the receiver answered 2xx. Throws TaskErrors,
 * retryable or not: `HTTP_FAILED` (no answer), `HTTP_STATUS` (another answer), `HTTP_ADDRESS_REFUSED`; the BatonError
 * `CALLBACK_SECRET_MISSING`; the reason of the signal.
 */
export interface CallbackSender {
  send(request: CallbackRequest): Promise<void>;
}

/** A completed callback as the archive keeps it. */
export interface ArchivedCallback {
  readonly eventId: string;
  /** Names and values of the key fields, such as `{ job_id, account_id, lead_id }`; at least one. */
  readonly key: Readonly<Record<string, string | null>>;
  /** `completed`. */
  readonly status: string;
  readonly payload: JsonValue;
  readonly url: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/**
 * Which callbacks to find: SQL of the warehouse's dialect that can stand after WHERE, or fields and what they are to
 * be.
 */
export type CallbackCondition =
  | { readonly where: string }
  | { readonly equals: Readonly<Record<string, string>> };

/**
 * The last completed callback of every key, in a table of the warehouse. Throws TaskErrors: `TABLE_MISMATCH` when the
 * table has other columns, `SQL_FAILED` for a condition that is wrong, neither retryable; the errors of the warehouse.
 */
export interface CallbackArchive {
  /**
   * Stores, or replaces the row of the same key: doing it twice leaves one row. `created_at` stays, `updated_at` moves.
   */
  store(table: string, callback: ArchivedCallback): Promise<void>;
  /** The newest stored callback of exactly this key. */
  get(table: string, key: Readonly<Record<string, string | null>>): Promise<ArchivedCallback | undefined>;
  /** Those that match, oldest first; none when there is no such table. */
  find(table: string, condition: CallbackCondition, limit: number): Promise<readonly ArchivedCallback[]>;
}
