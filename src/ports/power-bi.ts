import type { JsonObject } from "../core/json.ts";

/** A semantic model ("dataset") of a workspace ("group"), by their ids. */
export interface DatasetName {
  readonly workspace: string;
  readonly dataset: string;
}

export interface RefreshRequest extends DatasetName {
  /** The body: `notifyOption`, and what makes it an enhanced refresh. */
  readonly options: JsonObject;
  readonly signal: AbortSignal;
}

export type RefreshState = "running" | "completed" | "failed" | "disabled" | "cancelled";

export interface Refresh {
  readonly id: string;
  readonly state: RefreshState;
  /** Only enhanced refreshes can be cancelled. */
  readonly enhanced: boolean;
  readonly startTime: string | undefined;
  readonly endTime: string | undefined;
  /** What Power BI says of a refresh that failed. */
  readonly failure: { readonly code: string; readonly description: string | undefined } | undefined;
}

/** `busy`: one is running, and Power BI runs one at a time. The id is missing where the answer did not name it. */
export type RefreshStart =
  | { readonly kind: "started"; readonly id: string | undefined }
  | { readonly kind: "busy" };

/**
 * Refreshes of semantic models. Throws TaskErrors: `POWER_BI_DENIED`, `POWER_BI_DATASET_UNKNOWN`,
 * `POWER_BI_REFRESH_LIMIT` and `POWER_BI_REFUSED`, not retryable; `POWER_BI_UNAVAILABLE`, retryable: what was asked for
 * may have been done or not.
 */
export interface PowerBi {
  /** The last refreshes, running ones included, the newest first. */
  refreshes(dataset: DatasetName, signal: AbortSignal): Promise<readonly Refresh[]>;
  start(request: RefreshRequest): Promise<RefreshStart>;
  /** Asks for the end of an enhanced refresh. */
  cancel(dataset: DatasetName, refresh: string, signal: AbortSignal): Promise<void>;
}
