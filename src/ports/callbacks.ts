import type { JsonValue } from "../core/values/json.ts";

export interface CallbackRequest {
  readonly url: string;
  /** Names of the secrets that may replace `{{ secrets.NAME }}` in the URL. */
  readonly secrets?: readonly string[] | undefined;
  /** The header `webhook-id`, by which the receiver recognises duplicates. */
  readonly webhookId: string;
  /** The exact bytes that are signed and sent. */
  readonly body: string;
  readonly timeoutSeconds: number;
  readonly signal: AbortSignal;
}

/**
 * Sends one signed request by the Standard Webhooks scheme. Resolves when the receiver responds with 2xx. Throws
 * TaskErrors, retryable or not: `HTTP_FAILED` (no response), `HTTP_STATUS` (another status) and `HTTP_ADDRESS_REFUSED`;
 * the BatonError `CALLBACK_SECRET_MISSING`; and the reason of the signal.
 */
export interface CallbackSender {
  send(request: CallbackRequest): Promise<void>;
}

/** A completed callback in the archive. */
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

/** Which callbacks to find: a SQL condition in the warehouse's dialect, or fields with their values. */
export type CallbackCondition =
  | { readonly where: string }
  | { readonly equals: Readonly<Record<string, string>> };

/**
 * The last completed callback of each key, in a table of the warehouse. Throws TaskErrors that are not retryable:
 * `TABLE_MISMATCH` for a table with other columns, `SQL_FAILED` for an invalid condition; and the errors of the
 * warehouse.
 */
export interface CallbackArchive {
  /**
   * Inserts or replaces the row of the key, so a repeated call leaves one row. `created_at` stays, `updated_at`
   * changes.
   */
  store(table: string, callback: ArchivedCallback): Promise<void>;
  /** The newest callback with exactly this key. */
  get(table: string, key: Readonly<Record<string, string | null>>): Promise<ArchivedCallback | undefined>;
  /** The matching callbacks, oldest first. None if there is no such table. */
  find(table: string, condition: CallbackCondition, limit: number): Promise<readonly ArchivedCallback[]>;
}
