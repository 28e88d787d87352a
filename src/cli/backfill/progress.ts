import type { StoredError } from "../../core/records.ts";
import { formatDuration } from "../../core/values/duration.ts";
import type { BatchView } from "../../core/views/views.ts";
import { oneLine } from "../output/text.ts";
import type { Display } from "../session.ts";
import type { Inventory } from "./items.ts";

/** An item whose batch did not succeed. */
interface FailedItem {
  readonly where: string;
  readonly batchId: string;
  readonly status: BatchView["status"];
  /** The first task that failed; null when none did. */
  readonly taskId: string | null;
  readonly error: StoredError | null;
}

/** Failed items with their errors. More are only counted. */
const keptFailures = 1_000;

export class BackfillProgress {
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

/** The failed item of a batch, with the first task that failed. */
export function toFailedItem({ batchId, status, tasks }: BatchView): Omit<FailedItem, "where"> {
  const [first] = tasks
    .filter((task) => task.status === "ERROR")
    .sort((one, other) => (one.endedAt ?? "").localeCompare(other.endedAt ?? ""));
  return { batchId, status, taskId: first?.taskId ?? null, error: first?.error ?? null };
}

const redrawMs = 100;
const lineMs = 5_000;
const barCells = 20;
const defaultColumns = 80;
const clearLine = "\r\u001b[K";

/**
 * Shows the progress until the returned function is called: on a terminal as one line that is redrawn, elsewhere as
 * lines.
 */
export function showProgress(
  display: Omit<Display, "fd">,
  progress: BackfillProgress,
  everyMs = display.isTTY ? redrawMs : lineMs,
): () => void {
  const startedAt = performance.now();
  const draw = () => {
    const text = progressText(progress, performance.now() - startedAt);
    // A line of the terminal's full width would wrap.
    const drawn = `${bar(progress)} ${text}`.slice(0, (display.columns ?? defaultColumns) - 1);
    display.write(display.isTTY ? `${clearLine}${drawn}` : `${text}\n`);
  };
  const timer = setInterval(draw, everyMs);
  return () => {
    clearInterval(timer);
    if (display.isTTY) display.write(clearLine);
  };
}

/** `30/120 done, 1 failed, 4 skipped, 2.5/s, 36.0 s left`. Skipped items do not count for the rate. */
export function progressText(progress: BackfillProgress, elapsedMs: number): string {
  const { total, remaining, failed, skipped, succeeded } = progress;
  const perSecond = elapsedMs > 0 ? ((succeeded + failed) * 1_000) / elapsedMs : 0;
  const counts = [`${total - remaining}/${total} done`, `${failed} failed`, `${skipped} skipped`];
  if (perSecond === 0) return counts.join(", ");
  const left = formatDuration((remaining * 1_000) / perSecond);
  return [...counts, `${perSecond.toFixed(1)}/s`, `${left} left`].join(", ");
}

function bar({ total, remaining }: BackfillProgress): string {
  const full = total === 0 ? barCells : Math.floor(((total - remaining) / total) * barCells);
  return `[${"#".repeat(full)}${"-".repeat(barCells - full)}]`;
}

const shownFailures = 20;

/** The outcome of a backfill, for people. */
export function summaryText({
  total,
  succeeded,
  skipped,
  failed,
  remaining,
  failures,
}: BackfillProgress): string {
  const counts = [`${succeeded} succeeded`, `${skipped} skipped`, `${failed} failed`];
  if (remaining > 0) counts.push(`${remaining} not ended`);
  const shown = failures.slice(0, shownFailures).map(failureLine);
  if (failed > shown.length) shown.push(`and ${failed - shown.length} more failed`);
  return [...shown, `${total} items: ${counts.join(", ")}`].join("\n");
}

function failureLine({ where, batchId, status, taskId, error }: FailedItem): string {
  const reason = error ? `${taskId}: ${error.code}: ${error.message}` : status;
  return oneLine(`failed  ${where}  ${batchId}  ${reason}`);
}

/** The outcome of a backfill, for programs. */
export function summaryJson(
  workflowId: string,
  { duplicates, invalid }: Inventory,
  { total, succeeded, skipped, failed, remaining, failures }: BackfillProgress,
) {
  return {
    workflowId,
    items: total,
    succeeded,
    skipped,
    failed,
    remaining,
    duplicates,
    invalid,
    failures,
  };
}

/** The numbers of skipped items, or undefined if there are none. */
export function skippedItemsText({ duplicates, invalid }: Inventory): string | undefined {
  const counts = [
    ...(duplicates > 0 ? [`${duplicates} duplicate`] : []),
    ...(invalid > 0 ? [`${invalid} invalid`] : []),
  ];
  return counts.length > 0 ? `left out: ${counts.join(", ")}` : undefined;
}
