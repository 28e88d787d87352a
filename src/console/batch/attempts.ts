import { readyTime, type ShownAttempt, shownAttempts } from "../../core/history/attempts.ts";
import type { TaskLog } from "../../core/records.ts";
import { formatDuration } from "../../core/values/duration.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { type Content, type Html, html, nothing } from "../html.ts";
import { duration, time } from "../marks.ts";
import type { View } from "../view.ts";
import type { BatchState } from "./reader.ts";

const words: Readonly<Record<ShownAttempt["outcome"], string>> = {
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  lost: "lost its worker",
  released: "released by its worker",
  skipped: "skipped",
  cancelled: "cancelled",
};

/** Every attempt that is known: when it started, how long it waited before, how long it took, and its error. */
export function attempts(
  view: View,
  state: BatchState,
  task: TaskDefinition,
  log: TaskLog | undefined,
): Html {
  if (!log || log.attempt === 0) return nothing;
  const ready = readyTime(task, state.batch.createdAt, (id) => state.logs.get(id)?.log);
  const isWaiting = log.status === "WAITING";
  const lines = shownAttempts(log, ready).map((shown) => attemptLine(view, shown, isWaiting));
  return html`<section><h3>Attempts</h3>
    <ol class="attempts">${lines.toReversed()}</ol></section>`;
}

function attemptLine(view: View, shown: ShownAttempt, isWaiting: boolean): Content {
  const { attempt, outcome, startedAt, endedAt, waitedMs, error, worker } = shown;
  const waits = isWaiting && outcome === "running";
  const isBad = outcome === "failed" || outcome === "lost";
  const waited = waitedMs === null || waitedMs === 0 ? nothing : `waited ${formatDuration(waitedMs)}`;
  return html`<li><span title="${worker ?? ""}">${attempt}</span>${time(startedAt)}
    ${waits ? nothing : duration(startedAt, endedAt, view.now)}
    <span class="${isBad ? "bad" : "dim"}">${waits ? "waits" : words[outcome]}</span>
    <span class="dim">${waited}</span>
    ${isBad && error && html`<span class="message"><code>${error.code}</code> ${error.message}</span>`}</li>`;
}
