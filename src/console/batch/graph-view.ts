import { type DisplayStatus, isTerminal, type TaskLog } from "../../core/records.ts";
import { formatDuration } from "../../core/values/duration.ts";
import { type DrawnGraph, drawGraph, type NodeState } from "../graph/draw.ts";
import type { Group } from "../graph/fold.ts";
import { type Html, html, link, nothing, segment } from "../html.ts";
import { statusOrder, statusWord } from "../marks.ts";
import { type BatchState, statusOf } from "./reader.ts";

export function graphView(state: BatchState, picture: DrawnGraph, chosen: string | undefined): Html {
  const { batch, graph } = state;
  const shown = picture.graph.groupOf.size;
  const isPart = shown < graph.tasks.size;
  const note = isPart
    ? html`<p class="note">${chosen} and the levels around it: ${shown} of ${graph.tasks.size} tasks. <a
      href="${link(`/b/${segment(batch.batchId)}`, { v: "table" })}">All tasks</a></p>`
    : nothing;
  return html`${note}${drawGraph(picture, {
    stateOf: (group) => nodeState(state, group),
    chosen,
    label: `Graph of ${batch.workflowId}: ${shown} tasks`,
  })}`;
}

export function nodeState(state: BatchState, group: Group): NodeState {
  const path = `/b/${segment(state.batch.batchId)}`;
  const [first] = group.tasks;
  if (group.tasks.length === 1 && first) {
    const log = state.logs.get(first.id)?.log;
    const status = log?.status ?? "NEW";
    return {
      status,
      counts: new Map(),
      detail: detailOf(log),
      href: link(path, { v: "graph", t: first.id }),
    };
  }
  const counts = new Map<DisplayStatus, number>();
  for (const { id } of group.tasks) {
    const status = statusOf(state, id);
    counts.set(status, (counts.get(status) ?? 0) + 1);
  }
  return {
    status: statusOfGroup(counts),
    counts,
    detail: countsText(counts, group.tasks.length),
    href: link(path, { v: "table", g: group.id }),
  };
}

/** Below the name of a task: how long it took, or why it waits. */
function detailOf(log: TaskLog | undefined): string {
  if (!log) return statusWord("NEW");
  const { status, reason, attempt, startedAt, endedAt } = log;
  const words = reason === null ? statusWord(status) : `${shortWord(status)}${reason.replaceAll("_", " ")}`;
  const tries = attempt > 1 ? ` · attempt ${attempt}` : "";
  if (!isTerminal(status)) return words + tries;
  if (reason !== null || startedAt === null || endedAt === null) return words;
  return `${formatDuration(endedAt - startedAt)}${tries}`;
}

/** Of a skip, the reason alone fits in a node: its shape and its title say the rest. */
function shortWord(status: DisplayStatus): string {
  return status === "SKIPPED" ? "" : `${statusWord(status)}: `;
}

/** The status that needs attention most; one that all share, when they have ended. */
function statusOfGroup(counts: ReadonlyMap<DisplayStatus, number>): DisplayStatus {
  const isMixed = counts.has("NEW") && counts.size > 1;
  const first = statusOrder.find((status) => counts.has(status)) ?? "NEW";
  return isMixed && isTerminal(first) && first !== "ERROR" ? "PROCESSING" : first;
}

function countsText(counts: ReadonlyMap<DisplayStatus, number>, total: number): string {
  const ended = [...counts].reduce((sum, [status, number]) => sum + (isTerminal(status) ? number : 0), 0);
  const failed = counts.get("ERROR") ?? 0;
  const problems = failed === 0 ? "" : `, ${failed} failed`;
  return `${ended.toLocaleString("en")} of ${total.toLocaleString("en")} ended${problems}`;
}
