import { actions } from "../../app/actions.ts";
import { awaitsCompletion } from "../../core/steps.ts";
import { html, link, nothing, segment } from "../html.ts";
import { batchLink, card, command, keyLink, statusBadge, table, taskLink, time } from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import { actionMenu, type View } from "../view.ts";

const shownRows = 200;

/** What runs and waits now, who holds which lock, and what is queued. */
export async function nowPage(view: View): Promise<Page> {
  const { inspection } = view.app.engine.admin;
  const [active, locks] = await Promise.all([inspection.active(shownRows), inspection.locks(shownRows)]);
  const queues = view.app.waiting();
  const tasks = table(
    [
      { head: "Task" },
      { head: "Status" },
      { head: "Batch", isMinor: true },
      { head: "Attempt", isNumber: true, isMinor: true },
      { head: "Since" },
      { head: "Due", isMinor: true },
      { head: "Worker", isMinor: true },
    ],
    active.rows.map(({ batchId, taskId, status, reason, attempt, since, due, worker }) => ({
      id: `a-${batchId}-${taskId}`,
      cells: [
        taskLink(batchId, taskId),
        statusBadge(status, reason),
        batchLink(batchId),
        String(attempt),
        time(since),
        time(due),
        html`<span class="cut">${worker}</span>`,
      ],
    })),
    emptyState("Nothing runs or waits now.", html`<a href="/b">The last batches</a>`),
  );
  const lockTable = table(
    [{ head: "Key" }, { head: "Held by" }, { head: "Until" }, { head: "", isMinor: true }],
    locks.rows.map(({ key, batchId, taskId, attempt, worker, until, isOver }) => ({
      id: `k-${batchId}-${taskId}-${attempt}`,
      cells: [
        keyLink(key),
        html`${taskLink(batchId, taskId)} <span class="dim">attempt ${attempt} on ${worker}</span>`,
        html`${time(until)}${isOver ? html` <span class="dim">over: the next call takes it</span>` : nothing}`,
        unlockMenu(view, key, `${batchId}-${attempt}`),
      ],
    })),
    "No key is locked.",
  );
  const queueTable = table(
    [{ head: "Queue" }, { head: "Messages", isNumber: true }, { head: "Due now", isNumber: true }],
    queues.map(({ queue, messages, due }) => ({
      id: `q-${queue}`,
      cells: [queue, String(messages), String(due)],
    })),
    view.app.configuration.engine === "gcp"
      ? "On Google Cloud, messages wait in Pub/Sub and Cloud Tasks: their consoles show how many."
      : "No message waits in a queue.",
  );
  const body = html`${heading("Running now")}${card("Tasks", tasks)}<div class="grid spaced">
    ${card("Locks", lockTable)}${card("Queues", queueTable)}</div>`;
  return { title: "Running now", section: "now", body, liveness: "live" };
}

export function unlockMenu(view: View, key: string, state: string) {
  return actionMenu(view, {
    name: "unlock",
    label: "Unlock…",
    confirm: "Free the lock",
    explanation:
      "The next call takes the lock. If the holder still runs, it is fenced and its result is discarded. " +
      "This can't be undone.",
    fields: [{ name: "key", label: "", kind: "hidden", value: key }],
    words: actions.unlock.words({ key }),
    state,
    isDangerous: true,
  });
}

/** What waits for an event or a person, with a form to answer. */
export async function waitingPage(view: View): Promise<Page> {
  const active = await view.app.engine.admin.inspection.active(shownRows);
  const waits = active.rows.filter(({ reason }) => reason === "event" || reason === "completion");
  const rows = waits.map((task) => ({
    id: `a-${task.batchId}-${task.taskId}`,
    cells: [
      taskLink(task.batchId, task.taskId),
      statusBadge(task.status, task.reason),
      batchLink(task.batchId),
      time(task.since),
      time(task.due),
      html`<a class="button" href="${link(`/b/${segment(task.batchId)}`, { t: task.taskId })}">
        ${awaitsCompletion(task) ? "Complete…" : "Send…"}</a>`,
    ],
  }));
  const listed = table(
    [
      { head: "Task" },
      { head: "Waits for" },
      { head: "Batch", isMinor: true },
      { head: "Since" },
      { head: "Until", isMinor: true },
      { head: "" },
    ],
    rows,
    emptyState(
      "Nothing waits for a person or an event.",
      html`A task waits with <code>step.waitForEvent("approved")</code>, and continues with:`,
      command("baton event <batchId> approved --payload '{}'"),
    ),
  );
  return {
    title: "Waiting",
    section: "waiting",
    body: html`${heading("Waiting for a person or an event")}${listed}`,
    liveness: "live",
  };
}
