import { actions } from "../../app/actions.ts";
import type { StoredResult, TaskLog } from "../../core/records.ts";
import { awaitsCompletion } from "../../core/steps.ts";
import { explainTask } from "../../core/views/reasons.ts";
import { callbackView } from "../../core/views/views.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import { type Content, type Html, html, link, nothing, segment } from "../html.ts";
import { command, count, facts, keyLink, statusBadge, statusIcon } from "../marks.ts";
import { callbackSummary } from "../pages/callback-parts.ts";
import { actionForm, jsonBlock, type View, withTimes } from "../view.ts";
import { attempts } from "./attempts.ts";
import { type BatchState, statusOf } from "./reader.ts";

/** A larger result is shown on demand. */
const shownResultCharacters = 64 * 1024;
/** A panel is an overview: the start of each value is enough. */
const shownParents = 20;

/** Everything about one task: its status with the reason in words, and what to do. */
export async function taskPanel(view: View, state: BatchState, taskId: string): Promise<Html> {
  const { batch, graph, logs } = state;
  const task = graph.tasks.get(taskId);
  if (!task) return nothing;
  const read = logs.get(taskId);
  const log = read?.log;
  const explained = explainTask({
    batch,
    task,
    log,
    writtenAt: read?.writtenAt ?? 0,
    statusOf: (id) => statusOf(state, id),
  });
  const path = `/b/${segment(batch.batchId)}`;
  const close = link(path, { ...Object.fromEntries(view.query), t: undefined });
  return html`<aside class="panel" id="panel-${taskId}" aria-label="Task ${taskId}"><header><h2>${taskId}</h2><a
    class="quiet" href="${close}" data-close title="Esc" aria-label="Close the panel">✕</a></header>
<div class="why">${statusBadge(log?.status ?? "NEW", log?.reason)}<p>${withTimes(explained.why)}</p>
  ${log?.status === "ERROR" ? errorText(log) : nothing}${
    explained.remedy === null
      ? nothing
      : html`<p class="todo">
    ${explained.remedy}</p>`
  }${answerForms(view, state, log)}${explained.commands.map(command)}</div>
${facts([
  ["type", task.type === "function" ? "function" : html`<code>${task.type}</code>`],
  ["queue", task.queue],
  ["timeout", `${task.timeoutSeconds} s`],
  ["attempts", `${log?.attempt ?? 0} of ${task.retry.maxAttempts}`],
  ["key", log?.key ? keyLink(log.key) : nothing],
  ["worker", log?.worker ?? nothing],
])}
${attempts(view, state, task, log)}${log?.notes ? notes(log.notes) : nothing}${result(
  state,
  taskId,
  log?.result ?? null,
)}${inputs(state, task)}${await callbacks(view, state, taskId)}</aside>`;
}

function errorText({ error }: TaskLog): Content {
  if (!error) return nothing;
  const place = error.place === undefined ? nothing : html`<p class="dim">at <code>${error.place}</code></p>`;
  return html`<p class="message"><code>${error.code}</code> ${error.message}</p>${place}`;
}

/** Forms for what a waiting task waits for. */
function answerForms(view: View, { batch }: BatchState, log: TaskLog | undefined): Content {
  if (log?.status !== "WAITING" || !view.mayAct) return nothing;
  const { batchId } = batch;
  const { taskId } = log;
  const hidden = (name: string, value: string) => ({ name, label: "", kind: "hidden", value }) as const;
  if (log.reason === "event")
    return log.events.map((event) =>
      actionForm(view, {
        name: "event",
        label: "",
        confirm: `Send ${event}`,
        explanation: nothing,
        fields: [
          hidden("batchId", batchId),
          hidden("event", event),
          { name: "payload", label: `Payload of ${event}`, kind: "json", value: "null" },
        ],
        words: actions.event.words({ batchId, event, payload: null }),
        state: `${batchId} ${event}`,
      }),
    );
  if (!awaitsCompletion(log)) return nothing;
  return actionForm(view, {
    name: "complete",
    label: "",
    confirm: "Complete the task",
    explanation: nothing,
    fields: [
      hidden("batchId", batchId),
      hidden("taskId", taskId),
      { name: "result", label: "Result", kind: "json", value: "null" },
      { name: "error", label: "Or the error with which it failed", kind: "line" },
    ],
    words: actions.complete.words({ batchId, taskId, completion: { result: null } }),
    state: `${batchId} ${taskId} ${log.attempt} ${log.resumes}`,
  });
}

function notes({ counters, warnings, errors, dropped }: NonNullable<TaskLog["notes"]>): Html {
  const numbers = Object.entries(counters);
  if (numbers.length + warnings.length + errors.length === 0) return nothing;
  return html`<section><h3>Notes</h3>${
    numbers.length === 0
      ? nothing
      : html`<dl class="counters">
    ${numbers.map(
      ([name, value]) => html`<div><dt>${name}</dt><dd class="num">${value.toLocaleString("en")}</dd>
      </div>`,
    )}</dl>`
  }${[...warnings, ...errors].map(
    (line) => html`<p class="warning">${line}
        </p>`,
  )}${dropped > 0 ? html`<p class="dim">${count(dropped, "more note")} dropped</p>` : nothing}</section>`;
}

function result({ batch }: BatchState, taskId: string, stored: StoredResult | null): Html {
  if (stored === null) return nothing;
  const href = `/b/${segment(batch.batchId)}/result/${segment(taskId)}`;
  const save = html`<a class="quiet" href="${href}" download>Download</a>`;
  if (!("value" in stored))
    return html`<section><h3>Result ${save}</h3><p class="dim">${stored.bytes.toLocaleString("en")} bytes in <code>
      ${stored.bucket}/${stored.object}</code></p></section>`;
  if (stored.value === null)
    return html`<section><h3>Result</h3><p class="dim">nothing was returned</p></section>`;
  const cut = html`<p class="dim">The first ${shownResultCharacters.toLocaleString("en")} characters. <a
    href="${href}" download>Download all</a></p>`;
  return html`<section><h3>Result ${save}</h3>${jsonBlock(stored.value, shownResultCharacters, cut)}</section>`;
}

/** What the task was given: the parameters of its definition, and the results of its parents. */
function inputs(state: BatchState, task: TaskDefinition): Html {
  const { batch } = state;
  const own =
    Object.keys(task.with).length === 0
      ? nothing
      : html`<section><h3>Parameters</h3>${jsonBlock(task.with, 8_000)}</section>`;
  const parents = task.after.slice(0, shownParents).map((id) => {
    const value = state.logs.get(id)?.log.result;
    const shown = value && "value" in value && value.value !== null ? jsonBlock(value.value, 2_000) : nothing;
    const href = link(`/b/${segment(batch.batchId)}`, { v: "graph", t: id });
    return html`<li><a href="${href}">${statusIcon(statusOf(state, id))}${id}</a>${shown}</li>`;
  });
  const more = task.after.length - parents.length;
  const list =
    parents.length === 0
      ? nothing
      : html`<section><h3>Parents</h3><ul class="parents">${parents}</ul>${
          more > 0
            ? html`<p
        class="dim">and ${count(more, "more parent")}</p>`
            : nothing
        }</section>`;
  return html`${list}${own}<section><h3>Input of the batch</h3>${jsonBlock(batch.input, 8_000)}</section>`;
}

async function callbacks(view: View, { batch, graph }: BatchState, taskId: string): Promise<Content> {
  if (!graph.tasks.get(taskId)?.callback) return nothing;
  const all = await view.app.engine.admin.callbacks.ofBatch(batch.batchId);
  const own = all.filter((callback) => callback.taskId === taskId).map(callbackView);
  if (own.length === 0) return nothing;
  return html`<section><h3>Callbacks</h3>${own.map((callback) => callbackSummary(view, callback))}</section>`;
}
