import { formatDuration } from "../../core/duration.ts";

/** Text on one line and without control characters: what tasks say must not rearrange a terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

/** The time between two ISO times; until now when there is no end, nothing when there is no beginning. */
export function durationBetween(start: string | null, end: string | null): string {
  if (start === null) return "";
  return formatDuration(Math.max(0, (end === null ? Date.now() : Date.parse(end)) - Date.parse(start)));
}

/** Rows in columns as wide as need be; the last is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map(oneLine));
  const widths = head.map((_, column) =>
    cells.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A title, and lines below it that are set in. */
export function section(title: string, lines: readonly string[]): string[] {
  return [`${title}:`, ...lines.flatMap((line) => line.split("\n")).map((line) => `  ${line}`), ""];
}
