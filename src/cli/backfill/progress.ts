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

const redrawMs = 100;
const lineMs = 5_000;
const barCells = 20;
const defaultColumns = 80;
const clearLine = "\r\u001b[K";

/**
 * Shows how far a tally has come until the returned function is called: on a terminal as one line that is drawn again
 * and again, elsewhere as lines.
 */
export function showProgress(
  display: Omit<Display, "fd">,
  tally: Tally,
  everyMs = display.isTTY ? redrawMs : lineMs,
): () => void {
  const began = performance.now();
  const draw = () => {
    const text = progressText(tally, performance.now() - began);
    // A line as long as the terminal is wide would wrap.
    const drawn = `${bar(tally)} ${text}`.slice(0, (display.columns ?? defaultColumns) - 1);
    display.write(display.isTTY ? `${clearLine}${drawn}` : `${text}\n`);
  };
  const timer = setInterval(draw, everyMs);
  return () => {
    clearInterval(timer);
    if (display.isTTY) display.write(clearLine);
  };
}

/** `30/120 done, 1 failed, 4 skipped, 2.5/s, 36.0 s left`: what was skipped says nothing of the rate. */
export function progressText(tally: Tally, elapsedMs: number): string {
  const { total, remaining, failed, skipped, succeeded } = tally;
  const perSecond = elapsedMs > 0 ? ((succeeded + failed) * 1_000) / elapsedMs : 0;
  const counts = [`${total - remaining}/${total} done`, `${failed} failed`, `${skipped} skipped`];
  if (perSecond === 0) return counts.join(", ");
  const left = formatDuration((remaining * 1_000) / perSecond);
  return [...counts, `${perSecond.toFixed(1)}/s`, `${left} left`].join(", ");
}

function bar({ total, remaining }: Tally): string {
  const full = total === 0 ? barCells : Math.floor(((total - remaining) / total) * barCells);
  return `[${"#".repeat(full)}${"-".repeat(barCells - full)}]`;
}

const shownFailures = 20;

/** How a backfill came out, for people. */
export function summaryText({ total, succeeded, skipped, failed, remaining, failures }: Tally): string {
  const counts = [`${succeeded} succeeded`, `${skipped} skipped`, `${failed} failed`];
  if (remaining > 0) counts.push(`${remaining} not ended`);
  const shown = failures.slice(0, shownFailures).map(failureLine);
  if (failed > shown.length) shown.push(`and ${failed - shown.length} more failed`);
  return [...shown, `${total} items: ${counts.join(", ")}`].join("\n");
}

function failureLine({ where, batchId, status, taskId, error }: FailedItem): string {
  const why = error ? `${taskId}: ${error.code}: ${error.message}` : status;
  return oneLine(`failed  ${where}  ${batchId}  ${why}`);
}

/** The same for programs. */
export function summaryJson(
  workflowId: string,
  { duplicates, invalid }: Inventory,
  { total, succeeded, skipped, failed, remaining, failures }: Tally,
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

/** What was left out of the items, if anything was. */
export function skippedItemsText({ duplicates, invalid }: Inventory): string | undefined {
  const parts = [
    ...(duplicates > 0 ? [`${duplicates} duplicate`] : []),
    ...(invalid > 0 ? [`${invalid} invalid`] : []),
  ];
  return parts.length > 0 ? `left out: ${parts.join(", ")}` : undefined;
}
