import { nextSlot } from "../../core/schedule/schedule.ts";
import { formatDuration } from "../../core/values/duration.ts";
import type { BatchSummary } from "../../core/views/views.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { type Content, type Html, html, link, nothing, segment } from "../html.ts";
import {
  card,
  duration,
  statusBadge,
  statusClass,
  statusIcon,
  statusWord,
  table,
  taskLink,
  time,
  workflowLink,
} from "../marks.ts";
import { type Attention, readAttention } from "../overview-reader.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import type { View } from "../view.ts";

/** Squares of the last runs, one row a workflow. */
const shownRuns = 14;

/** The morning look: what failed, what is late, what waits, what runs, and how each workflow has been doing. */
export async function overviewPage(view: View): Promise<Page> {
  const found = await readAttention(view);
  const body = html`${heading("Overview")}${tiles(found)}${cards(view, found)}${workflows(view, found)}`;
  return { title: "Overview", section: "overview", body, liveness: "live" };
}

function tiles({ failed, running, waits, letters, givenUp, late }: Attention): Html {
  const tile = (number: number, more: boolean, word: string, href: string, status: string) =>
    html`<a class="tile ${number > 0 ? status : "none"}" href="${href}"><b class="num">
      ${number}${more ? "+" : nothing}</b><span>${word}</span></a>`;
  return html`<div class="tiles">${tile(
    failed.rows.length,
    failed.hasMore,
    "failed since yesterday",
    "/b?s=ERROR",
    "s-error",
  )}${tile(late.length, false, "late or missing", "/schedules", "s-error")}${tile(
    waits.rows.length,
    waits.hasMore,
    "wait for a person or event",
    "/waiting",
    "s-waiting",
  )}${tile(running.rows.length, running.hasMore, "running now", "/b?s=RUNNING", "s-processing")}${tile(
    letters.length,
    false,
    "dead letters",
    "/dead",
    "s-error",
  )}${tile(givenUp.rows.length, givenUp.hasMore, "callbacks given up", "/callbacks", "s-error")}</div>`;
}

function cards(view: View, found: Attention): Html {
  const { failed, running, waits, late } = found;
  const parts = [
    failed.rows.length > 0 && failedCard(failed.rows),
    late.length > 0 && lateCard(late),
    waits.rows.length > 0 && waitsCard(waits.rows),
    running.rows.length > 0 && runningCard(view, running.rows),
  ].filter((part): part is Html => part !== false);
  const calm = failed.rows.length + late.length === 0 && found.workflows.length > 0;
  const line = calm
    ? html`<p class="calm">${statusIcon("SUCCESS")}Nothing failed since ${time(found.since)}.</p>`
    : nothing;
  return html`${line}<div class="grid">${parts}</div>`;
}

const shownRows = 8;

function failedCard(rows: Attention["failed"]["rows"]): Html {
  const more = html`<a class="quiet" href="/b?s=ERROR">All</a>`;
  const listed = rows.slice(0, shownRows).map(
    ({ batchId, workflowId, endedAt, firstFailure }) =>
      html`<li id="f-${batchId}">${statusIcon("ERROR")}<div><a href="/b/${segment(batchId)}"><strong>${workflowId}
          </strong></a> <span class="dim">${time(endedAt)}</span>${
            firstFailure
              ? html`<p class="cut"><a
            href="${link(`/b/${segment(batchId)}`, { t: firstFailure.taskId })}">${firstFailure.taskId}</a> <code>
              ${firstFailure.error.code}</code> ${firstFailure.error.message}</p>`
              : nothing
          }</div></li>`,
  );
  return card("Failed since yesterday", html`<ul class="list">${listed}</ul>`, more);
}

function lateCard(rows: Attention["late"]): Html {
  const listed = rows.slice(0, shownRows).map(
    ({ workflowId, slot, why }) =>
      html`<li>${statusIcon("WAITING")}<div>${workflowLink(workflowId)} <span
          class="dim">slot of</span> ${time(slot)}<p class="dim">${why}</p></div></li>`,
  );
  return card(
    "Late or missing",
    html`<ul class="list">${listed}</ul>`,
    html`<a class="quiet" href="/schedules">Schedules</a>`,
  );
}

function waitsCard(rows: Attention["waits"]["rows"]): Html {
  const listed = rows.slice(0, shownRows).map(
    ({ batchId, taskId, reason, since }) =>
      html`<li>${statusIcon("WAITING")}<div>${taskLink(batchId, taskId)} <span
          class="dim">waits for ${reason === "event" ? "an event" : "its completion"} since ${time(since)}</span><p
            class="dim cut">${batchId}</p></div></li>`,
  );
  return card(
    "Waiting for a person or an event",
    html`<ul class="list">${listed}</ul>`,
    html`<a class="quiet" href="/waiting">Answer</a>`,
  );
}

function runningCard(view: View, rows: readonly BatchSummary[]): Html {
  const listed = rows.slice(0, shownRows).map(
    ({ batchId, workflowId, createdAt }) =>
      html`<li id="r-${batchId}">${statusIcon("RUNNING")}<div><a href="/b/${segment(batchId)}"><strong>${workflowId}
          </strong></a> <span class="dim">for</span> ${duration(Date.parse(createdAt), null, view.now)}<p
            class="dim cut">${batchId}</p></div></li>`,
  );
  return card(
    "Running now",
    html`<ul class="list">${listed}</ul>`,
    html`<a class="quiet" href="/now">Details</a>`,
  );
}

const sample = `import { workflow } from "baton-dag";

export default workflow("greet")
  .task("hello", async () => ({ said: "Hello" }))
  .task("store", async ({ parents }) => parents.hello, { after: ["hello"] });`;

function workflows(view: View, found: Attention): Html {
  if (found.workflows.length === 0)
    return emptyState(
      "There is no workflow yet.",
      html`Write one to a file in <code>${view.app.configuration.workflows}</code>:`,
      html`<pre class="json">${sample}</pre>`,
      "A running server loads it within a second. `baton init` makes a whole project.",
    );
  const rows = found.workflows.map((workflow) => workflowRow(view, workflow, found));
  return card(
    "Workflows",
    table(
      [
        { head: "Workflow" },
        { head: "Last runs" },
        { head: "Last" },
        { head: "Duration", isNumber: true, isMinor: true },
        { head: "Median", isNumber: true, isMinor: true },
        { head: "Next slot", isMinor: true },
      ],
      rows,
      nothing,
    ),
  );
}

function workflowRow(view: View, workflow: DeployedWorkflow, { recent }: Attention) {
  const { workflowId } = workflow.definition;
  const runs = recent.get(workflowId) ?? [];
  const [last] = runs;
  return {
    id: `w-${workflowId}`,
    cells: [
      html`<strong>${workflowLink(workflowId)}</strong>`,
      runs.length === 0
        ? html`<span class="dim">never run</span>`
        : squares(runs.slice(0, shownRuns).toReversed()),
      last
        ? html`<a href="/b/${segment(last.batchId)}">${statusBadge(last.status)}</a> <span class="dim">
          ${time(last.createdAt, "ago")}</span>`
        : "",
      last
        ? duration(
            Date.parse(last.createdAt),
            last.endedAt === null ? null : Date.parse(last.endedAt),
            view.now,
          )
        : "",
      html`<span class="dim">${medianText(runs)}</span>`,
      time(nextOf(workflow, view.now)),
    ] satisfies Content[],
  };
}

/** A square for each run, oldest first: its shape and its colour are those of the status. */
function squares(runs: readonly BatchSummary[]): Html {
  return html`<span class="squares">${runs.map(
    ({ batchId, status }) =>
      html`<a class="square ${statusClass(status)}" href="/b/${segment(batchId)}"
        title="${statusWord(status)}: ${batchId}">${statusIcon(status)}<span class="hidden">${statusWord(status)}
          </span></a>`,
  )}</span>`;
}

function medianText(runs: readonly BatchSummary[]): string {
  const median = medianMs(runs);
  return median === undefined ? "" : formatDuration(median);
}

/** Of the runs that succeeded. */
export function medianMs(runs: readonly BatchSummary[]): number | undefined {
  const durations = runs
    .flatMap(({ status, createdAt, endedAt }) =>
      status === "SUCCESS" && endedAt !== null ? [Date.parse(endedAt) - Date.parse(createdAt)] : [],
    )
    .sort((one, other) => one - other);
  return durations[Math.floor(durations.length / 2)];
}

/** The next time at which one of its schedules fires. */
function nextOf({ triggers }: DeployedWorkflow, now: number): number | undefined {
  const slots = triggers.flatMap((trigger) =>
    trigger.type === "schedule" ? (nextSlot(trigger, now) ?? []) : [],
  );
  return slots.length === 0 ? undefined : Math.min(...slots);
}
