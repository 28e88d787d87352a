import { actions } from "../../app/actions.ts";
import { remedyFor } from "../../core/errors/error-catalog.ts";
import type { DrawnGraph } from "../graph/draw.ts";
import { type Content, type Html, html, link, nothing, segment } from "../html.ts";
import {
  count,
  duration,
  facts,
  statusBadge,
  statusBar,
  statusIcon,
  statusOrder,
  statusWord,
  time,
  workflowLink,
} from "../marks.ts";
import { heading, type Page, tabs } from "../shell.ts";
import { actionMenu, jsonBlock, parameter, type View } from "../view.ts";
import { graphView } from "./graph-view.ts";
import { type BatchState, failedTasks, isOver, mostDrawn } from "./reader.ts";
import { taskPanel } from "./task-panel.ts";
import { taskTable } from "./task-table.ts";
import { timeline } from "./timeline.ts";

/** The page of a batch. Its parameters: `v` the view, `t` the chosen task, `s`, `q` and `p` of the table. */
export async function batchPage(view: View, batchId: string): Promise<Page> {
  const state = await view.reader.read(batchId);
  const { batch, graph } = state;
  const chosen = chosenTask(view, state);
  const picture = view.reader.picture(graph, chosen);
  const shown = parameter(view, "v") ?? (isCrowded(view, state) ? "table" : "graph");
  const panel = chosen === undefined ? nothing : await taskPanel(view, state, chosen);
  const path = `/b/${segment(batchId)}`;
  const body = html`<div class="batch" data-id="${batchId}">
    ${await header(view, state)}${failure(view, state, chosen)}
${tabs(path, { t: chosen }, shown, [
  ["graph", "Graph"],
  ["timeline", "Timeline"],
  ["table", "Table"],
  ["report", "Report"],
])}<div class="split${chosen === undefined ? "" : " with-panel"}"><div class="views">
  ${views(view, state, shown, { chosen, picture })}</div>${panel}</div></div>`;
  return {
    title: batchId,
    section: "batches",
    crumbs: [
      ["Batches", "/b"],
      [batch.workflowId, `/w/${segment(batch.workflowId)}`],
    ],
    body,
    liveness: isOver(state) ? "ended" : "live",
  };
}

function chosenTask(view: View, { graph }: BatchState): string | undefined {
  const asked = parameter(view, "t");
  return asked !== undefined && graph.tasks.has(asked) ? asked : undefined;
}

/** A graph of too many nodes is no overview: its table comes first. */
function isCrowded(view: View, { graph }: BatchState): boolean {
  return view.reader.picture(graph, undefined) === undefined;
}

function views(
  view: View,
  state: BatchState,
  shown: string,
  { chosen, picture }: { readonly chosen: string | undefined; readonly picture: DrawnGraph | undefined },
): Html {
  switch (shown) {
    case "timeline":
      return timeline(view, state, chosen);
    case "table":
      return taskTable(view, state, chosen);
    case "report":
      return report(state);
    default:
      return picture === undefined ? tooLarge(view, state) : graphView(state, picture, chosen);
  }
}

function tooLarge(view: View, state: BatchState): Html {
  return html`<div class="nothing"><p><strong>This graph has more than ${mostDrawn} nodes.</strong></p>
    <div>Choose a task in the table to see it with the two levels above and below it.</div></div>
      ${taskTable(view, state, undefined)}`;
}

async function header(view: View, state: BatchState): Promise<Html> {
  const { batch, graph, counts } = state;
  const badge = html`<div class="lead">${statusBadge(batch.status)}${duration(
    batch.createdAt,
    batch.endedAt,
    view.now,
  )}<span class="dim">${count(graph.tasks.size, "task")}</span></div>`;
  const title = html`${workflowLink(batch.workflowId)}`;
  return html`${heading(title, badge, actionsOf(view, state))}${facts([
    ["started", time(batch.createdAt)],
    ["ended", time(batch.endedAt)],
    ["by", batch.startedBy],
    ["run", await lineage(view, state)],
    ["definition", html`<code title="${batch.definitionHash}">${batch.definitionHash.slice(0, 12)}</code>`],
    ["id", html`<code>${batch.batchId}</code>`],
  ])}<div class="progress">${statusBar(counts)}<ul class="legend">
    ${statusOrder.map((status) => legend(state, status))}</ul></div>`;
}

function legend({ batch, counts }: BatchState, status: (typeof statusOrder)[number]): Content {
  const number = counts.get(status) ?? 0;
  if (number === 0) return nothing;
  const href = link(`/b/${segment(batch.batchId)}`, { v: "table", s: status });
  return html`<li><a href="${href}">${statusIcon(status)}<b class="num">${number.toLocaleString("en")}
    </b> ${statusWord(status)}</a></li>`;
}

async function lineage(view: View, { batch }: BatchState): Promise<Content> {
  const runs = await view.app.engine.admin.runs(batch.lineageId);
  if (runs.length < 2) return nothing;
  const links = runs
    .toSorted((one, other) => one.run - other.run)
    .map(({ batchId, run, status }) =>
      batchId === batch.batchId
        ? html`<b>${statusIcon(status)}${run}</b>`
        : html`<a href="/b/${segment(batchId)}" title="${batchId}">${statusIcon(status)}${run}</a>`,
    );
  return html`<span class="runs">${links}</span> ${batch.run} of ${runs.length}`;
}

function actionsOf(view: View, state: BatchState): Content {
  const { batch, counts } = state;
  const { batchId, status } = batch;
  const again = html`<a class="button" href="${link(`/w/${segment(batch.workflowId)}`, {
    from: batchId,
  })}#run">Run again…</a>`;
  const share = html`<a class="button" href="/b/${segment(batchId)}/share" download>Share</a>`;
  const fields = [{ name: "batchId", label: "", kind: "hidden", value: batchId }] as const;
  const kept = counts.get("SUCCESS") ?? 0;
  if (status === "RUNNING")
    return [
      actionMenu(view, {
        name: "cancel",
        label: "Cancel…",
        confirm: "Cancel this batch",
        explanation:
          "No task of it starts any more, and those that run are asked to stop. This can't be undone; " +
          "a retry runs what is missing.",
        fields,
        words: actions.cancel.words({ batchId }),
        state: "cancel",
        isDangerous: true,
      }),
      share,
    ];
  const retry = actionMenu(view, {
    name: "retry",
    label: "Retry…",
    confirm: "Retry now",
    explanation: `A new batch of the same lineage keeps the results of the ${count(
      kept,
      "task",
    )} that succeeded, as far as their parents did, and runs the others with the workflow as it is deployed now.`,
    fields,
    words: actions.retry.words({ batchId }),
    state: "retry",
    isPrimary: true,
  });
  return status === "SUCCESS" ? [again, share] : [retry, again, share];
}

/** The first failure, which most often is the cause of the others. */
function failure(view: View, state: BatchState, chosen: string | undefined): Content {
  const failed = failedTasks(state);
  const [first, ...others] = failed;
  if (!first?.error) return nothing;
  const { code, message, place } = first.error;
  const remedy = remedyFor(code);
  const href = link(`/b/${segment(state.batch.batchId)}`, { t: first.taskId });
  const more =
    others.length === 0
      ? nothing
      : html` <a class="dim" href="${link(`/b/${segment(state.batch.batchId)}`, {
          v: "table",
          s: "ERROR",
        })}">and ${count(others.length, "more failed task")}</a>`;
  const at = failed.findIndex(({ taskId }) => taskId === chosen);
  const following = failed[(at + 1) % failed.length] ?? first;
  const nextHref = link(`/b/${segment(state.batch.batchId)}`, {
    ...Object.fromEntries(view.query),
    t: following.taskId,
  });
  const key = html` data-next-failed title="f"`;
  const next = others.length === 0 ? nothing : html` · <a href="${nextHref}"${key}>next failed task</a>`;
  return html`<div class="callout error">${statusIcon("ERROR")}<div><p>
    <strong><a href="${href}"${others.length === 0 && key}>${first.taskId}</a></strong> failed with <code
      >${code}</code>${more}${next}</p><p
      class="message">${message}</p>${
        place === undefined
          ? nothing
          : html`<p class="dim">at <code>${place}</code>
        </p>`
      }${remedy === undefined ? nothing : html`<p class="todo">${remedy}</p>`}</div></div>`;
}

/** What the tasks noted, for people: counters, warnings and results in one place. */
function report({ batch, graph, logs }: BatchState): Html {
  const rows = graph.definition.tasks.flatMap(({ id }) => {
    const log = logs.get(id)?.log;
    if (!log?.notes && !log?.result) return [];
    return [{ id, log }];
  });
  const parts = rows.slice(0, 200).map(({ id, log }) => {
    const { counters = {}, warnings = [], errors = [] } = log.notes ?? {};
    const numbers = Object.entries(counters).map(
      ([name, value]) => html`<div><dt>${name}</dt><dd class="num">${value.toLocaleString("en")}</dd></div>`,
    );
    const result =
      log.result && "value" in log.result && log.result.value !== null
        ? jsonBlock(log.result.value, 2_000)
        : nothing;
    return html`<section class="part"><h3>${statusIcon(log.status)}<a
      href="${link(`/b/${segment(batch.batchId)}`, { t: id, v: "report" })}">${id}</a></h3>
        ${
          numbers.length === 0
            ? nothing
            : html`<dl class="counters">${numbers}
          </dl>`
        }${[...warnings, ...errors].map((line) => html`<p class="warning">${line}</p>`)}${result}</section>`;
  });
  return html`<div class="report"><section class="part"><h3>Input</h3>${jsonBlock(batch.input, 4_000)}</section>
    ${parts}${parts.length === 0 ? html`<p class="dim">No task has a result or notes yet.</p>` : nothing}</div>`;
}
