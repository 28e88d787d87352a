import { formatDuration } from "../../core/duration.ts";
import type { Display } from "../session.ts";
import type { Tally } from "./tally.ts";

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
