import type { StoredError } from "../../core/stored.ts";
import type { BatchView } from "../../core/views.ts";
import type { Inventory } from "./inventory.ts";

/** An item whose batch did not succeed. */
export interface FailedItem {
  readonly where: string;
  readonly batchId: string;
  readonly status: BatchView["status"];
  /** The first task that failed; null when none did. */
  readonly taskId: string | null;
  readonly error: StoredError | null;
}

/** Failed items that are kept to be shown; all are counted. */
const keptFailures = 1_000;

/** How far a backfill has come. */
export class Tally {
  readonly total: number;
  succeeded = 0;
  skipped = 0;
  failed = 0;
  readonly failures: FailedItem[] = [];

  constructor({ items }: Pick<Inventory, "items">) {
    this.total = items;
  }

  get remaining(): number {
    return this.total - this.succeeded - this.skipped - this.failed;
  }

  fail(item: FailedItem): void {
    this.failed += 1;
    if (this.failures.length < keptFailures) this.failures.push(item);
  }
}

/** Why a batch did not succeed. */
export function failureIn({ batchId, status, tasks }: BatchView): Omit<FailedItem, "where"> {
  const [first] = tasks
    .filter((task) => task.status === "ERROR")
    .sort((one, other) => (one.endedAt ?? "").localeCompare(other.endedAt ?? ""));
  return { batchId, status, taskId: first?.taskId ?? null, error: first?.error ?? null };
}
