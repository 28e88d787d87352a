import type { DisplayStatus } from "../../core/records.ts";
import { type Content, type Html, html, link, nothing, segment } from "../html.ts";
import { duration, statusBadge, statusIcon, statusOrder, statusWord, table, time } from "../marks.ts";
import { parameter, type View } from "../view.ts";
import { type BatchState, statusOf } from "./reader.ts";

/** Rows of one page of the table, and of the timeline. */
export const rowsPerPage = 100;

/** Which tasks are listed: by status, by a part of the name, by the siblings of a folded node. */
interface TaskFilter {
  readonly status: DisplayStatus | undefined;
  readonly text: string | undefined;
  readonly group: string | undefined;
}

function filterOf(view: View): TaskFilter {
  const status = parameter(view, "s");
  return {
    status: statusOrder.find((known) => known === status),
    text: parameter(view, "q"),
    group: parameter(view, "g"),
  };
}

function queryOf({ status, text, group }: TaskFilter): Record<string, string | undefined> {
  return { s: status, q: text, g: group };
}

/** The listed tasks: those that need attention first, then in the order of the definition. */
function listedTasks(view: View, state: BatchState): string[] {
  const { status, text, group } = filterOf(view);
  const siblings = group === undefined ? undefined : view.reader.siblings(state.graph, group);
  const wanted = text?.toLowerCase();
  const ids = state.graph.definition.tasks.flatMap(({ id }) => {
    if (status !== undefined && statusOf(state, id) !== status) return [];
    if (wanted !== undefined && !id.toLowerCase().includes(wanted)) return [];
    return siblings === undefined || siblings.has(id) ? [id] : [];
  });
  const rank = (id: string) => attention.indexOf(statusOf(state, id));
  return ids.toSorted((one, other) => rank(other) - rank(one));
}

/** Later ones come first; all others have the same rank. */
const attention: readonly DisplayStatus[] = ["WAITING", "PROCESSING", "ERROR"];

export function taskTable(view: View, state: BatchState, chosen: string | undefined): Html {
  const ids = listedTasks(view, state);
  const page = Math.max(0, Number(parameter(view, "p") ?? 0) || 0);
  const shown = ids.slice(page * rowsPerPage, (page + 1) * rowsPerPage);
  const filter = filterOf(view);
  const rows = shown.map((id) => taskRow(view, state, id, id === chosen));
  const listed = table(
    [
      { head: "Task" },
      { head: "Status" },
      { head: "Attempt", isNumber: true, isMinor: true },
      { head: "Started", isMinor: true },
      { head: "Duration", isNumber: true },
      { head: "Note", isMinor: true },
    ],
    rows,
    "No task matches these filters.",
  );
  return html`${filters(state, filter)}${listed}${pager(state, filter, page, ids.length)}`;
}

function taskRow(view: View, state: BatchState, id: string, isChosen: boolean) {
  const { batch, logs } = state;
  const log = logs.get(id)?.log;
  const status = log?.status ?? "NEW";
  const href = link(`/b/${segment(batch.batchId)}`, { ...Object.fromEntries(view.query), v: "table", t: id });
  const started = log?.startedAt ?? null;
  return {
    id: `t-${id}`,
    isChosen,
    cells: [
      html`<a href="${href}">${id}</a>`,
      statusBadge(status, log?.reason),
      log?.attempt ? String(log.attempt) : "",
      time(started),
      status === "WAITING" ? "" : duration(started, log?.endedAt ?? null, view.now),
      log?.error
        ? html`<span class="cut" title="${log.error.message}"><code>${log.error.code}
          </code> ${log.error.message.slice(0, 160)}</span>`
        : "",
    ] satisfies Content[],
  };
}

function filters({ batch, counts, graph }: BatchState, filter: TaskFilter): Html {
  const path = `/b/${segment(batch.batchId)}`;
  const chip = (status: DisplayStatus | undefined, content: Content) => {
    const current = filter.status === status ? html` aria-current="true"` : nothing;
    const href = link(path, { v: "table", ...queryOf(filter), s: status });
    return html`<a class="chip" href="${href}"${current}>${content}</a>`;
  };
  const group =
    filter.group === undefined
      ? nothing
      : html`<a class="chip" aria-current="true"
        href="${link(path, { v: "table", ...queryOf(filter), g: undefined })}">siblings of ${filter.group} ✕</a>`;
  return html`<div class="filters">${chip(undefined, `all ${graph.tasks.size.toLocaleString("en")}`)}${statusOrder.map(
    (status) => {
      const number = counts.get(status) ?? 0;
      return number === 0
        ? nothing
        : chip(status, html`${statusIcon(status)}${statusWord(status)} ${number.toLocaleString("en")}`);
    },
  )}${group}<form class="keep" action="${path}"><input type="hidden" name="v" value="table">
    ${filter.status === undefined ? nothing : html`<input type="hidden" name="s" value="${filter.status}">`}<input
      type="search" name="q" value="${filter.text ?? ""}" placeholder="Filter tasks"
        aria-label="Filter tasks by name"></form></div>`;
}

function pager({ batch }: BatchState, filter: TaskFilter, page: number, total: number): Content {
  if (total <= rowsPerPage) return nothing;
  const path = `/b/${segment(batch.batchId)}`;
  const to = (number: number, text: string) =>
    html`<a class="button" href="${link(path, { v: "table", ...queryOf(filter), p: number || undefined })}">${text}
      </a>`;
  const last = Math.ceil(total / rowsPerPage) - 1;
  return html`<nav class="pager" aria-label="Pages">${page > 0 ? to(page - 1, "Previous") : nothing}<span class="dim">
    ${(page * rowsPerPage + 1).toLocaleString("en")}–${Math.min(
      total,
      (page + 1) * rowsPerPage,
    ).toLocaleString("en")} of ${total.toLocaleString("en")}</span>
        ${page < last ? to(page + 1, "Next") : nothing}</nav>`;
}
