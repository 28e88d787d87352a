import { actions } from "../../app/actions.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { executionView } from "../../core/views/execution.ts";
import { type Content, html, nothing } from "../html.ts";
import { card, command, facts, keyLink, statusIcon, table, taskLink, time } from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import { actionMenu, jsonBlock, type View, withTimes } from "../view.ts";
import { callbackSummary } from "./callback-parts.ts";
import { unlockMenu } from "./now.ts";

/** What the next call with a key would do, and why: the lock, the result, the steps and the callbacks. */
export async function keyPage(view: View, key: string): Promise<Page> {
  const { executions } = view.app.engine.admin;
  const explained = await executions.explain(key).catch((thrown: unknown) => {
    if (thrown instanceof BatonError && thrown.code === "EXECUTION_UNKNOWN") return undefined;
    throw thrown;
  });
  if (!explained) return unknownKey(view, key);
  const { execution, ageMs, readAt, steps, callbacks, more } = explained;
  const { state, why, lock, result, producedBy, lastFailure, nextCall, token } = executionView(
    execution,
    ageMs,
    readAt,
  );
  const by = (attempt: {
    readonly batchId: string;
    readonly taskId: string;
    readonly attempt: number;
  }): Content =>
    html`${taskLink(attempt.batchId, attempt.taskId)} <span
      class="dim">attempt ${attempt.attempt} in ${attempt.batchId}</span>`;
  const clear = actionMenu(view, {
    name: "clear-result",
    label: "Clear the result…",
    confirm: "Delete the result and its steps",
    explanation:
      "The next call with this key runs from the beginning. The stored result and steps can't be restored.",
    fields: [{ name: "key", label: "", kind: "hidden", value: key }],
    words: actions["clear-result"].words({ key }),
    state: `${state}-${token}`,
    isDangerous: true,
  });
  const body = html`<div data-id="${key}">${heading(
    html`<span class="mono">${key}
    </span>`,
    nothing,
    [state === "PROCESSING" ? unlockMenu(view, key, `${state}-${token}`) : clear],
  )}
<div class="callout plain">${statusIcon(nextCall.runs ? "PROCESSING" : "SUCCESS")}<div><p>
  <strong>The next call ${nextCall.why}.</strong></p><p>${withTimes(why)}.</p>${command(`baton explain '${key}'`)}
    </div></div>
${facts([
  ["state", state.toLowerCase()],
  [
    "lock",
    lock
      ? html`${by(lock)} <span class="dim">on ${lock.worker}, ${lock.isOver ? "expired" : "until"}
        </span> ${time(lock.until)}`
      : "not locked",
  ],
  ["result until", result ? time(result.until) : "none is stored"],
  ["produced by", producedBy ? html`${by(producedBy)} ${time(producedBy.endedAt)}` : nothing],
  ["calls that ran", String(token)],
])}
${
  lastFailure
    ? html`<div class="callout error"><div>
  <p>The last failure: ${by(lastFailure)}, ${time(lastFailure.endedAt)}</p><p class="message"><code>
    ${lastFailure.error.code}</code> ${lastFailure.error.message}</p></div></div>`
    : nothing
}
${result ? card("Result", html`<div class="inside">${jsonBlock(result.value)}</div>`) : nothing}
<div class="grid spaced">${card(
    "Steps",
    table(
      [{ head: "Step" }, { head: "Stored" }, { head: "Value" }],
      steps.map(({ name, kind, storedAt, value }) => ({
        id: `s-${name}`,
        cells: [
          name,
          time(storedAt),
          kind === "value"
            ? html`<code class="cut">${value}</code>`
            : html`<span class="dim">${kind === "since" ? "the wait started" : "the wait timed out"}</span>`,
        ],
      })),
      "No step is stored.",
    ),
  )}${card(
    "Callbacks",
    callbacks.length === 0
      ? html`<div class="empty">No callback is stored.</div>`
      : html`<div
    class="inside">${callbacks.map((callback) => callbackSummary(view, callback))}</div>`,
  )}</div>${
    more > 0
      ? html`<p
      class="note">${more} older steps and callbacks are not shown.</p>`
      : nothing
  }</div>`;
  return { title: key, section: "none", crumbs: [["Keys", "/now"]], body, liveness: "live" };
}

async function unknownKey(view: View, key: string): Promise<Page> {
  const similar = await view.app.engine.admin.inspection.similarKeys(key);
  const body = emptyState(
    `Nothing is stored for the key ${key}.`,
    "No call with it has run, or what was stored has expired: the next call runs from the beginning.",
    similar.length === 0 ? nothing : html`<ul>${similar.map((each) => html`<li>${keyLink(each)}</li>`)}</ul>`,
  );
  return { title: key, section: "none", body, status: 404, liveness: "still" };
}
