import type { App } from "../../app/app.ts";
import { nextSlot, slotText } from "../../core/schedule/schedule.ts";
import { formatDuration } from "../../core/values/duration.ts";
import type { Trigger } from "../../core/workflow/trigger.ts";

/** Text on one line without control characters, so that output of tasks can't change the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}

/** The time of day of an ISO time, which begins a line. Default: now. */
export function timeOfDay(time: string = new Date().toISOString()): string {
  return time.slice(11, 23);
}

/** The time between two ISO times. Without an end: until now. Without a start: empty. */
export function durationBetween(start: string | null, end: string | null): string {
  if (start === null) return "";
  return formatDuration(Math.max(0, (end === null ? Date.now() : Date.parse(end)) - Date.parse(start)));
}

/** A text table without lines between its columns. */
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

/** A title with indented lines below it. */
export function section(title: string, lines: readonly string[]): string[] {
  return [`${title}:`, ...lines.flatMap((line) => line.split("\n")).map((line) => `  ${line}`), ""];
}

/** The name of the worker that handles published messages, to start a sentence with. */
export function workerMode({ configuration }: Pick<App, "configuration">): string {
  return configuration.engine === "gcp"
    ? "The deployed function"
    : "A running server or the next `baton start`";
}

/** A trigger; a schedule with the time of its next slot. */
export function triggerJson(trigger: Trigger) {
  return trigger.type === "schedule" ? { ...trigger, nextSlot: nextSlotText(trigger) } : trigger;
}

export function triggerText(trigger: Trigger): string {
  switch (trigger.type) {
    case "fileDrop":
      return `file drop ${trigger.bucket === undefined ? "" : `${trigger.bucket}/`}${trigger.pattern}`;
    case "schedule":
      return `schedule "${trigger.cron}" ${trigger.timeZone}, next ${nextSlotText(trigger)}`;
  }
}

function nextSlotText(trigger: Trigger & { readonly type: "schedule" }): string | null {
  const slot = nextSlot(trigger, Date.now());
  return slot === undefined ? null : slotText(slot);
}
