import { actions } from "../../app/actions.ts";
import type { CallbackView } from "../../core/views/views.ts";
import { type Content, type Html, html, nothing } from "../html.ts";
import { count, keyLink, taskLink, time } from "../marks.ts";
import { actionMenu, type View } from "../view.ts";

const states: Readonly<Record<CallbackView["state"], { readonly word: string; readonly kind: string }>> = {
  PENDING: { word: "waits to be sent", kind: "s-waiting" },
  DELIVERED: { word: "accepted", kind: "s-success" },
  GIVEN_UP: { word: "given up", kind: "s-error" },
};

export function callbackState({ state }: Pick<CallbackView, "state">): Html {
  const { word, kind } = states[state];
  return html`<span class="status ${kind}"><span class="dot"></span>${word}</span>`;
}

/** Queries often contain secrets. */
export function shownUrl(url: string): string {
  return url.replace(/\?.*$/s, "?…");
}

export function resendMenu(view: View, { eventId, resends, state }: CallbackView): Html {
  return actionMenu(view, {
    name: "resend",
    label: "Send again…",
    confirm: "Send it again",
    explanation: "The receiver gets the same body with the same event id once more. Nothing is executed.",
    fields: [{ name: "eventId", label: "", kind: "hidden", value: eventId }],
    words: actions.resend.words({ eventId }),
    state: `${eventId}-${resends}-${state}`,
  });
}

/** A callback with its sends. */
export function callbackSummary(view: View, callback: CallbackView): Html {
  const { eventId, type, url, occurredAt, sends, resends, failures } = callback;
  const lines: Content[] = sends.map(
    ({ at, page, error }) =>
      html`<li>${time(at)} <span class="dim">page ${page}</span> ${
        error === null
          ? "accepted"
          : html`<span
        class="message">${error}</span>`
      }</li>`,
  );
  return html`<div class="callback"><div class="lead">${callbackState(callback)}<code>${type}</code>
    ${resendMenu(view, callback)}</div><p>to <code>${shownUrl(url)}</code></p><p class="dim">
      ${eventId} of ${time(occurredAt)}${resends > 0 ? `, resent ${count(resends, "time")}` : nothing}${
        failures > 0 ? `, ${count(failures, "failed send")} in a row` : nothing
      }</p>${
        lines.length === 0
          ? nothing
          : html`<ol
          class="sends">${lines}</ol>`
      }</div>`;
}

export function callbackPlace({ batchId, taskId, key }: CallbackView): Html {
  return html`${taskLink(batchId, taskId)}${key === null ? nothing : html` <span class="dim">${keyLink(key)}</span>`}`;
}
