import { callbackView } from "../../core/views/views.ts";
import { html, link, nothing } from "../html.ts";
import { table, time } from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import { parameter, type View } from "../view.ts";
import { callbackPlace, callbackState, resendMenu, shownUrl } from "./callback-parts.ts";

const perPage = 100;
const states = ["GIVEN_UP", "PENDING", "DELIVERED"] as const;

/** Final callbacks that were given up or wait to be sent. Parameter: `s` the state. */
export async function callbacksPage(view: View): Promise<Page> {
  const asked = parameter(view, "s");
  const chosen = states.find((state) => state === asked);
  const wanted = chosen === undefined ? (["GIVEN_UP", "PENDING"] as const) : ([chosen] as const);
  const lists = await Promise.all(
    wanted.map((state) => view.app.engine.admin.callbacks.ofState(state, perPage)),
  );
  const found = lists.flatMap(({ rows }) => rows).map(callbackView);
  const hasMore = lists.some((list) => list.hasMore);
  const chip = (state: (typeof states)[number] | undefined, text: string) =>
    html`<a class="chip" href="${link("/callbacks", { s: state })}"${
      state === chosen ? html` aria-current="true"` : nothing
    }>${text}</a>`;
  const rows = found.map((callback) => ({
    id: `c-${callback.eventId}`,
    cells: [
      html`${callbackState(callback)} <span class="dim">${callback.type}</span>`,
      callbackPlace(callback),
      html`<code class="cut">${shownUrl(callback.url)}</code>`,
      time(callback.occurredAt),
      String(callback.failures),
      html`<span class="cut message">${callback.sends.at(-1)?.error ?? ""}</span>`,
      resendMenu(view, callback),
    ],
  }));
  const listed = table(
    [
      { head: "State" },
      { head: "Task" },
      { head: "To", isMinor: true },
      { head: "Since" },
      { head: "Failures", isNumber: true, isMinor: true },
      { head: "Last answer", isMinor: true },
      { head: "" },
    ],
    rows,
    emptyState(
      "Every callback was accepted.",
      "Callbacks that a receiver does not accept are sent again for about three days, and are then given up and " +
        "kept here.",
    ),
  );
  const body = html`${heading("Callbacks")}<div class="filters">
    ${chip(undefined, "given up or waiting")}${chip("GIVEN_UP", "given up")}${chip(
      "PENDING",
      "waiting",
    )}${chip("DELIVERED", "accepted")}</div>${listed}${
      hasMore
        ? html`<p
        class="note">There are more than ${perPage}.</p>`
        : nothing
    }`;
  return { title: "Callbacks", section: "callbacks", body, liveness: "live" };
}
