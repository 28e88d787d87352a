import { oneLine } from "../output/text.ts";
import type { Inventory } from "./inventory.ts";
import type { FailedItem, Tally } from "./tally.ts";

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
export function leftOutText({ duplicates, invalid }: Inventory): string | undefined {
  const parts = [
    ...(duplicates > 0 ? [`${duplicates} duplicate`] : []),
    ...(invalid > 0 ? [`${invalid} invalid`] : []),
  ];
  return parts.length > 0 ? `left out: ${parts.join(", ")}` : undefined;
}
