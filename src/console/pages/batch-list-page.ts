import type { BatchStatus } from "../../core/records.ts";
import type { BatchSummary } from "../../core/views/views.ts";
import { type Content, type Html, html, link, nothing } from "../html.ts";
import {
  batchLink,
  command,
  duration,
  statusBadge,
  statusIcon,
  statusWord,
  table,
  time,
  workflowLink,
} from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import { parameter, type View } from "../view.ts";

const statuses: readonly BatchStatus[] = ["RUNNING", "SUCCESS", "ERROR", "CANCELLED"];
const perPage = 50;

/** Batches, newest first. Parameters: `w` workflow, `s` status, `q` id or a value of the input, `c` cursor. */
export async function batchesPage(view: View): Promise<Page> {
  const workflowId = parameter(view, "w");
  const asked = parameter(view, "s");
  const status = statuses.find((known) => known === asked);
  const from = parameter(view, "c");
  const { batches, cursor } = await view.app.engine.admin.batches(
    { ...(workflowId !== undefined && { workflowId }), ...(status !== undefined && { status }) },
    { limit: perPage, ...(from !== undefined && { cursor: from }) },
  );
  const body = html`${heading("Batches")}${filters(view, status)}${batchTable(
    view,
    batches,
    emptyText(view),
  )}${
    cursor === null
      ? nothing
      : html`<p><a href="${link("/b", { w: workflowId, s: status, c: cursor })}">Older batches</a></p>`
  }`;
  return { title: "Batches", section: "batches", body, liveness: "live" };
}

function filters(view: View, chosen: BatchStatus | undefined): Html {
  const query = { w: parameter(view, "w"), q: parameter(view, "q") };
  const chip = (status: BatchStatus | undefined, content: Content) =>
    html`<a class="chip" href="${link("/b", { ...query, s: status })}"${
      status === chosen ? html` aria-current="true"` : nothing
    }>${content}</a>`;
  return html`<div class="filters">${chip(undefined, "all")}${statuses.map((status) =>
    chip(status, html`${statusIcon(status)}${statusWord(status)}`),
  )}<form class="keep" action="/b">
      ${chosen === undefined ? nothing : html`<input type="hidden" name="s" value="${chosen}">`}<input type="search"
        name="w" value="${query.w ?? ""}" placeholder="Workflow" aria-label="Workflow"></form></div>`;
}

export function batchTable(view: View, batches: readonly BatchSummary[], empty: Content): Html {
  return table(
    [
      { head: "Batch" },
      { head: "Status" },
      { head: "Workflow" },
      { head: "Started" },
      { head: "Duration", isNumber: true },
      { head: "Started by", isMinor: true },
      { head: "Run", isNumber: true, isMinor: true },
    ],
    batches.map(({ batchId, workflowId, status, createdAt, endedAt, startedBy, run }) => ({
      id: `b-${batchId}`,
      cells: [
        batchLink(batchId),
        statusBadge(status),
        workflowLink(workflowId),
        time(createdAt),
        duration(Date.parse(createdAt), endedAt === null ? null : Date.parse(endedAt), view.now),
        html`<span class="cut">${startedBy}</span>`,
        run > 1 ? String(run) : "",
      ],
    })),
    empty,
  );
}

function emptyText(view: View): Html {
  if (parameter(view, "w") ?? parameter(view, "s") ?? parameter(view, "q"))
    return emptyState("No batch matches these filters.", html`<a href="/b">Show all batches</a>`);
  return emptyState(
    "No batch has run yet.",
    "Start one here, or from a program:",
    command('baton run greet --input \'{"name":"Ada"}\''),
  );
}
