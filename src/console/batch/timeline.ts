import { shownAttempts } from "../../core/history/attempts.ts";
import { formatDuration } from "../../core/values/duration.ts";
import { type Content, type Html, html, link, nothing, segment, volatile } from "../html.ts";
import { statusClass, statusIcon, time } from "../marks.ts";
import type { View } from "../view.ts";
import type { ReadLog } from "./frontier.ts";
import type { BatchState } from "./reader.ts";
import { rowsPerPage } from "./task-table.ts";

/** A piece of time in which a task ran or waited. */
interface Piece {
  readonly from: number;
  readonly to: number;
  readonly kind: "ran" | "failed" | "waited";
  readonly isOpen: boolean;
}

/** Maps times to the width of the picture. Long times without any work take little of it. */
interface Scale {
  readonly at: (time: number) => number;
  readonly gaps: readonly { readonly at: number; readonly milliseconds: number }[];
}

const width = 1_000;
/** About three pixels: a quick task can still be seen and hit. */
const leastBar = 4;
/** Idle time longer than this share of the whole is collapsed to `gapWidth`. */
const idleShare = 0.2;
const gapWidth = 40;

export function timeline(view: View, state: BatchState, chosen: string | undefined): Html {
  const { batch, logs, graph } = state;
  const rows = graph.definition.tasks
    .flatMap(({ id }) => {
      const read = logs.get(id);
      const pieces = read === undefined ? [] : piecesOf(read, batch.endedAt ?? view.now);
      return read === undefined || pieces.length === 0 ? [] : [{ id, log: read.log, pieces }];
    })
    .sort((one, other) => (one.pieces[0]?.from ?? 0) - (other.pieces[0]?.from ?? 0));
  if (rows.length === 0)
    return html`<div class="nothing"><p><strong>No task has started yet.</strong></p>
      <div>The timeline shows each attempt as a bar, and waits between them.</div></div>`;
  const shown = rows.slice(0, rowsPerPage);
  const end = batch.endedAt ?? view.now;
  const scale = scaleOf(
    batch.createdAt,
    end,
    rows.flatMap(({ pieces }) => pieces),
  );
  const more = rows.length - shown.length;
  return html`<div class="timeline" role="list" aria-label="Timeline"><div class="axis"><span>${time(batch.createdAt)}
    </span><span class="num">${
      batch.endedAt === null
        ? volatile(formatDuration(end - batch.createdAt))
        : formatDuration(end - batch.createdAt)
    }</span></div>${shown.map(({ id, log, pieces }) => {
      const href = link(`/b/${segment(batch.batchId)}`, { v: "timeline", t: id });
      const last = pieces.at(-1);
      const took =
        log.startedAt === null ? "" : formatDuration((log.endedAt ?? last?.to ?? end) - log.startedAt);
      return html`<a role="listitem" class="line${id === chosen ? " chosen" : ""}" id="l-${id}"
        href="${href}"><span class="label">${statusIcon(log.status)}<span>${id}</span></span>
          ${bars(scale, pieces, statusClass(log.status))}<span class="num took">
            ${last?.isOpen ? volatile(took) : took}</span></a>`;
    })}</div>${gapNote(scale)}${
      more > 0
        ? html`<p class="note">${more.toLocaleString("en")} later tasks are in the <a
    href="${link(`/b/${segment(batch.batchId)}`, { v: "table" })}">table</a>.</p>`
        : nothing
    }`;
}

function bars(scale: Scale, pieces: readonly Piece[], status: string): Html {
  const gaps = scale.gaps.map(
    ({ at }) => html`<rect class="gap" x="${at.toFixed(1)}" width="${gapWidth}" height="20"/>`,
  );
  const parts: Content[] = pieces.map(({ from, to, kind, isOpen }) => {
    const x = Math.min(width - leastBar, scale.at(from));
    const long = Math.max(leastBar, scale.at(to) - x);
    const size = isOpen ? volatile(long.toFixed(1)) : long.toFixed(1);
    const left = isOpen ? volatile(x.toFixed(1)) : x.toFixed(1);
    return html`<rect class="${kind} ${kind === "failed" ? "s-error" : status}" x="${left}" y="5" width="${size}"
      height="10" rx="2"/>`;
  });
  return html`<svg class="bars" viewBox="0 0 ${width} 20" preserveAspectRatio="none" aria-hidden="true">
    ${gaps}${parts}</svg>`;
}

function gapNote({ gaps }: Scale): Content {
  if (gaps.length === 0) return nothing;
  const texts = gaps.map(({ milliseconds }) => formatDuration(milliseconds)).join(", ");
  return html`<p class="note">Hatched columns are idle time that is not drawn to scale: ${texts}.</p>`;
}

/** The attempts of a task and the waits between them. */
function piecesOf({ log, writtenAt }: ReadLog, now: number): Piece[] {
  const pieces: Piece[] = [];
  let waitedSince: number | undefined;
  for (const { startedAt, endedAt, outcome } of shownAttempts(log, null)) {
    if (startedAt === null) continue;
    if (waitedSince !== undefined)
      pieces.push({ from: waitedSince, to: startedAt, kind: "waited", isOpen: false });
    const parked = outcome === "running" && log.status === "WAITING";
    const to = parked ? writtenAt : (endedAt ?? now);
    pieces.push({
      from: startedAt,
      to,
      kind: outcome === "failed" ? "failed" : "ran",
      isOpen: !parked && endedAt === null,
    });
    waitedSince = to;
  }
  if (log.status === "WAITING" && waitedSince !== undefined)
    pieces.push({ from: waitedSince, to: now, kind: "waited", isOpen: true });
  return pieces;
}

function scaleOf(start: number, end: number, pieces: readonly Piece[]): Scale {
  const whole = Math.max(1, end - start);
  const idle = idleTimes(start, end, pieces).filter(({ from, to }) => to - from > whole * idleShare);
  const drawn = width - idle.length * gapWidth;
  const busy = whole - idle.reduce((sum, { from, to }) => sum + to - from, 0);
  const perMs = drawn / Math.max(1, busy);
  const at = (time: number) => {
    let x = (Math.min(end, Math.max(start, time)) - start) * perMs;
    for (const { from, to } of idle) {
      if (time <= from) break;
      const passed = Math.min(time, to) - from;
      x += (passed / (to - from)) * gapWidth - passed * perMs;
    }
    return x;
  };
  return { at, gaps: idle.map(({ from, to }) => ({ at: at(from), milliseconds: to - from })) };
}

/** The times in which no task ran. */
function idleTimes(start: number, end: number, pieces: readonly Piece[]) {
  const busy = pieces.filter(({ kind }) => kind !== "waited").toSorted((one, other) => one.from - other.from);
  const idle: { readonly from: number; readonly to: number }[] = [];
  let until = start;
  for (const { from, to } of busy) {
    if (from > until) idle.push({ from: until, to: from });
    until = Math.max(until, to);
  }
  if (end > until) idle.push({ from: until, to: end });
  return idle;
}
