import type { BatchStatus, DisplayStatus } from "../core/records.ts";
import { formatDuration } from "../core/values/duration.ts";
import { isoTime } from "../core/values/time.ts";
import { type Content, type Html, html, link, nothing, segment, volatile } from "./html.ts";

type Status = DisplayStatus | BatchStatus;

/** The shape and the word of a status: its colour alone never says it. */
const shapes: Readonly<Record<Status, { readonly word: string; readonly path: string }>> = {
  NEW: { word: "not started", path: "M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z" },
  PROCESSING: { word: "running", path: "M6 4.6v6.8L11.4 8Z" },
  RUNNING: { word: "running", path: "M6 4.6v6.8L11.4 8Z" },
  WAITING: { word: "waiting", path: "M6.2 5v6M9.8 5v6" },
  SUCCESS: { word: "succeeded", path: "m4.8 8.3 2.2 2.2 4.3-4.7" },
  ERROR: { word: "failed", path: "m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" },
  SKIPPED: { word: "skipped", path: "m5 5.2 3 2.8-3 2.8m3.6-5.6 3 2.8-3 2.8" },
  CANCELLED: { word: "cancelled", path: "M5 8h6" },
};

export const statusOrder: readonly DisplayStatus[] = [
  "ERROR",
  "CANCELLED",
  "PROCESSING",
  "WAITING",
  "SUCCESS",
  "SKIPPED",
  "NEW",
];

export function statusWord(status: Status): string {
  return shapes[status].word;
}

export function statusClass(status: Status): string {
  return `s-${status === "RUNNING" ? "processing" : status.toLowerCase()}`;
}

/** All shapes once a page; an icon refers to one of them. */
export const iconSheet: Html = html`<svg class="sheet" aria-hidden="true">${Object.entries(shapes).map(
  ([status, { path }]) =>
    html`<symbol id="i-${status}" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" class="disc"/><path d="${path}"
      class="sign"/></symbol>`,
)}</svg>`;

export function statusIcon(status: Status): Html {
  return html`<svg class="icon ${statusClass(status)}" aria-hidden="true"><use href="#i-${status}"/></svg>`;
}

/** The status with its word, and perhaps its reason. */
export function statusBadge(status: Status, reason?: string | null): Html {
  const detail = reason ? html`<span class="reason">${reason.replaceAll("_", " ")}</span>` : nothing;
  return html`<span class="status">${statusIcon(status)}<span>${statusWord(status)}</span>${detail}</span>`;
}

/** A time in UTC, which the script shows in the viewer's zone. */
export function time(
  at: string | number | null | undefined,
  form: "short" | "ago" | "clock" = "short",
): Html {
  if (at === null || at === undefined) return nothing;
  const iso = typeof at === "number" ? isoTime(at) : at;
  const written = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return html`<time datetime="${iso}" title="${written}" data-form="${form}">${written}</time>`;
}

/** How long it took, or how long it has taken so far: then the script counts on. */
export function duration(start: number | null, end: number | null, now: number): Html {
  if (start === null) return nothing;
  if (end !== null) return html`<span class="num">${formatDuration(Math.max(0, end - start))}</span>`;
  const soFar = volatile(formatDuration(Math.max(0, now - start)));
  return html`<span class="num" data-since="${isoTime(start)}">${soFar}</span>`;
}

export function batchLink(batchId: string, text: Content = batchId): Html {
  return html`<a class="mono" href="/b/${segment(batchId)}">${text}</a>`;
}

export function workflowLink(workflowId: string): Html {
  return html`<a href="/w/${segment(workflowId)}">${workflowId}</a>`;
}

export function keyLink(key: string): Html {
  return html`<a class="mono" href="/k/${segment(key)}">${key}</a>`;
}

export function taskLink(batchId: string, taskId: string): Html {
  return html`<a href="${link(`/b/${segment(batchId)}`, { t: taskId })}">${taskId}</a>`;
}

/** A command to copy. */
export function command(words: string): Html {
  return html`<div class="command"><code>${words}</code><button type="button" class="quiet copy"
    data-copy="${words}">Copy</button></div>`;
}

export function count(number: number, one: string, many: string = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export interface Column {
  readonly head: string;
  /** Numbers are on the right. */
  readonly isNumber?: true;
  /** Left out on narrow screens. */
  readonly isMinor?: true;
}

export interface Row {
  /** Stays the same in every rendering, so that the page is patched in place. */
  readonly id: string;
  readonly cells: readonly Content[];
  readonly isChosen?: boolean;
}

/** A table whose rows can be walked with the keyboard. `empty`: what is shown instead of no rows. */
export function table(columns: readonly Column[], rows: readonly Row[], empty: Content): Html {
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`;
  const classOf = ({ isNumber, isMinor }: Column) =>
    [isNumber && "num", isMinor && "minor"].filter(Boolean).join(" ");
  const classes = columns.map(classOf);
  return html`<div class="scroll"><table><thead><tr>${columns.map(
    ({ head }, index) => html`<th scope="col" class="${classes[index]}">${head}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ({ id, cells, isChosen }) =>
      html`<tr id="${id}" class="row${isChosen ? " chosen" : ""}">${cells.map(
        (cell, index) => html`<td class="${classes[index]}">${cell}</td>`,
      )}</tr>`,
  )}</tbody></table></div>`;
}

/** Facts in two columns. Those without a value are left out. */
export function facts(rows: readonly (readonly [name: string, value: Content])[]): Html {
  const shown = rows.filter(
    ([, value]) => value !== null && value !== undefined && value !== "" && value !== nothing,
  );
  return html`<dl class="facts">${shown.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

export function card(title: Content, body: Content, aside: Content = nothing): Html {
  return html`<section class="card"><header><h2>${title}</h2>${aside}</header>${body}</section>`;
}

/** A bar in which each status has its share. */
export function statusBar(counts: ReadonlyMap<DisplayStatus, number>, width = 100): Html {
  const total = [...counts.values()].reduce((sum, each) => sum + each, 0);
  let x = 0;
  const parts = statusOrder.flatMap((status) => {
    const share = ((counts.get(status) ?? 0) / Math.max(1, total)) * width;
    if (share === 0) return [];
    // Few failures among thousands of tasks are still seen.
    const shown = Math.max(share, 1.5);
    const part = html`<rect class="${statusClass(status)}" x="${x.toFixed(2)}" width="${shown.toFixed(2)}"
      height="6"/>`;
    x += share;
    return [part];
  });
  const words = statusOrder.flatMap((status) => {
    const number = counts.get(status) ?? 0;
    return number === 0 ? [] : [`${number} ${statusWord(status)}`];
  });
  return html`<svg class="bar" viewBox="0 0 ${width} 6" preserveAspectRatio="none" role="img"
    aria-label="${words.join(", ")}">${parts}</svg>`;
}
