import { actions, commandText } from "../../app/actions.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { nextSlot } from "../../core/schedule/schedule.ts";
import { formatDuration } from "../../core/values/duration.ts";
import type { JsonValue } from "../../core/values/json.ts";
import type { BatchSummary } from "../../core/views/views.ts";
import type { Graph } from "../../core/workflow/graph.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { drawGraph } from "../graph/draw.ts";
import { type Content, type Html, html, link, nothing, segment } from "../html.ts";
import { inputFields, inputForm } from "../input-form.ts";
import { card, command, count, facts, statusClass, statusWord, time } from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import { formStart, parameter, type View } from "../view.ts";
import { batchTable } from "./batch-list-page.ts";
import { medianMs } from "./overview.ts";

const shownRuns = 50;

/** A workflow: its graph, its triggers, its last runs, and a form to run it. Parameter: `from`, a batch to fill it. */
export async function workflowPage(view: View, workflowId: string): Promise<Page> {
  const workflow = await view.app.catalog.find(workflowId);
  const { batches } = await view.app.engine.admin.batches({ workflowId }, { limit: shownRuns });
  if (!workflow && batches.length === 0)
    throw new BatonError("WORKFLOW_UNKNOWN", `There is no workflow "${workflowId}"`);
  const body = html`<div data-id="${workflowId}">
${heading(workflowId, nothing, workflow && html`<a class="button primary" href="#run">Run…</a>`)}
${workflow ? triggers(workflow, view) : removed()}${runs(view, workflowId, batches)}
${workflow ? graph(view, workflow) : nothing}${workflow ? await runForm(view, workflow) : nothing}</div>`;
  return {
    title: workflowId,
    section: "overview",
    crumbs: [["Overview", "/"]],
    body,
    liveness: "live",
  };
}

function removed(): Html {
  return html`<p class="notice">This workflow is not deployed any more. Its batches keep their definition.</p>`;
}

function triggers({ definition, triggers }: DeployedWorkflow, view: View): Html {
  const shown = triggers.map((trigger): Content => {
    if (trigger.type === "fileDrop")
      return html`<div>file <code>${trigger.bucket === undefined ? "" : `${trigger.bucket}/`}${trigger.pattern}</code>
        </div>`;
    const next = time(nextSlot(trigger, view.now));
    return html`<div>schedule <code>${trigger.cron}</code> ${trigger.timeZone}, next ${next}</div>`;
  });
  return facts([
    ["tasks", String(definition.tasks.length)],
    ["started by", shown.length === 0 ? "a message or a person" : shown],
    ["batches", html`<a href="${link("/b", { w: definition.workflowId })}">all batches</a>`],
  ]);
}

function runs(view: View, workflowId: string, batches: readonly BatchSummary[]): Html {
  const empty = emptyState("It has not run yet.", command(`baton run ${workflowId}`));
  if (batches.length === 0) return empty;
  return html`${card("Last runs", runChart(view, batches), median(batches))}
<div class="spaced">${batchTable(view, batches.slice(0, 10), nothing)}</div>`;
}

function median(batches: readonly BatchSummary[]): Content {
  const middle = medianMs(batches);
  return middle === undefined
    ? nothing
    : html`<span
    class="dim">median of those that succeeded ${formatDuration(middle)}</span>`;
}

const chart = { height: 96, bar: 15, gap: 5, top: 8, icon: 16 };

/** A bar for each run, oldest first: its height is how long it took. The dashed line is the median. */
function runChart(view: View, batches: readonly BatchSummary[]): Html {
  const oldestFirst = batches.toReversed();
  const took = ({ createdAt, endedAt }: BatchSummary) =>
    Math.max(1, (endedAt === null ? view.now : Date.parse(endedAt)) - Date.parse(createdAt));
  const ended = oldestFirst.filter(({ endedAt }) => endedAt !== null).map(took);
  const most = Math.max(1, ...(ended.length > 0 ? ended : oldestFirst.map(took)));
  const heightOf = (ms: number) => Math.max(4, Math.min(1, ms / most) * (chart.height - chart.top));
  const width = oldestFirst.length * (chart.bar + chart.gap);
  const middle = medianMs(batches);
  const line = middle === undefined ? nothing : chart.height - heightOf(middle);
  return html`<div class="inside scroll-x"><svg class="runs-chart" width="${width}"
    height="${chart.height + chart.icon}" role="list"
 aria-label="Last ${count(oldestFirst.length, "run")}, oldest first">${oldestFirst.map((batch, index) => {
   const height = heightOf(took(batch));
   const duration = batch.endedAt === null ? "" : `, ${formatDuration(took(batch))}`;
   const y = batch.endedAt === null ? chart.top : chart.height - height;
   return html`<a role="listitem" class="${statusClass(batch.status)}" href="/b/${segment(batch.batchId)}"
 aria-label="${statusWord(batch.status)}${duration}"><title>${statusWord(batch.status)}${duration}: ${batch.batchId}
   </title>
<rect class="hit" x="${index * (chart.bar + chart.gap)}" y="0" width="${chart.bar + chart.gap}"
  height="${chart.height + chart.icon}"/>
<rect class="run" x="${index * (chart.bar + chart.gap)}" y="${y.toFixed(1)}" width="${chart.bar}"
 height="${(chart.height - y).toFixed(1)}" rx="2"/><svg class="icon ${statusClass(batch.status)}"
  x="${index * (chart.bar + chart.gap) + 1}" y="${chart.height + 3}" width="13" height="13"><use
    href="#i-${batch.status}"/></svg></a>`;
 })}${
   line === nothing
     ? nothing
     : html`<line class="median" x1="0" x2="${width}" y1="${Number(line).toFixed(1)}"
    y2="${Number(line).toFixed(1)}"/>`
 }</svg></div>`;
}

function graph(view: View, workflow: DeployedWorkflow): Html {
  const built: Graph = view.reader.graphOf(workflow.definition);
  const picture = view.reader.picture(built, undefined);
  const title = html`<h2 class="spaced">Graph</h2>`;
  if (!picture)
    return html`${title}<p class="note">${count(
      built.tasks.size,
      "task",
    )}: too many for a picture. <code>baton graph</code> prints them.</p>`;
  return html`${title}${drawGraph(picture, {
    label: `Graph of ${workflow.definition.workflowId}`,
    stateOf: ({ tasks: [task] }) => ({
      status: "NEW",
      counts: new Map(),
      detail: task?.type === "function" ? "" : (task?.type ?? ""),
      href: `/w/${segment(workflow.definition.workflowId)}`,
    }),
  })}`;
}

/** A form from the schema of the input, and the JSON of the whole input beside it. */
async function runForm(view: View, workflow: DeployedWorkflow): Promise<Html> {
  if (!view.mayAct)
    return html`<p id="run" class="note">Your account may only read: an operator can run it.</p>`;
  const { workflowId } = workflow.definition;
  const given = await givenInput(view);
  const fields = inputFields(workflow);
  const json = JSON.stringify(given ?? {}, null, 2);
  const hidden = html`<input type="hidden" name="workflowId" value="${workflowId}">`;
  const start = html`<button class="button primary">Run</button>`;
  const form =
    fields &&
    html`<form method="post" action="/do/run" class="keep">
    ${formStart(view, "run", "fields")}${hidden}${inputForm(fields, given)}${start}</form>`;
  const raw = html`<form method="post" action="/do/run" class="keep">${formStart(view, "run", "json")}${hidden}<label>
    <span>Input as JSON</span>
<textarea name="input" rows="8" spellcheck="false">${json}</textarea></label>${start}</form>`;
  const words = actions.run.words({ workflowId, ...(given !== undefined && { input: given }) });
  return html`<div id="run" class="grid spaced">${
    form
      ? card(
          "Run it",
          html`<div class="inside">${form}
    </div>`,
        )
      : nothing
  }
${card(
  form ? "Or with JSON" : "Run it",
  html`<div class="inside">${raw}<p class="or">or in a shell</p>
  ${command(commandText(words))}</div>`,
)}</div>`;
}

async function givenInput(view: View): Promise<JsonValue | undefined> {
  const from = parameter(view, "from");
  if (from === undefined) return undefined;
  return (await view.app.engine.admin.batch(from)).input;
}
