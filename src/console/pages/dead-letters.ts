import { isUtf8 } from "node:buffer";
import { actions } from "../../app/actions.ts";
import { html, link, nothing, segment } from "../html.ts";
import { facts, table, time } from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import { actionMenu, parameter, type View } from "../view.ts";

const perPage = 100;
const shownBody = 64 * 1024;

/** Messages that could not be handled, newest first. */
export async function deadLettersPage(view: View): Promise<Page> {
  const { letters } = await view.app.engine.deadLetters.list();
  const all = parameter(view, "all") !== undefined;
  const open = letters.filter(({ replayedAt }) => replayedAt === null);
  const rows = (all ? letters : open)
    .slice(0, perPage)
    .map(({ deadLetterId, code, message, receivedAt, replayedAt, source }) => ({
      id: `d-${deadLetterId}`,
      cells: [
        html`<a class="mono" href="/dead/${segment(deadLetterId)}">${deadLetterId.slice(0, 12)}</a>`,
        html`<code>${code}</code>`,
        html`<span class="cut" title="${message}">${message}</span>`,
        time(receivedAt),
        source,
        replayedAt === null
          ? html`<span class="dim">not replayed</span>`
          : html`replayed ${time(replayedAt)}`,
      ],
    }));
  const listed = table(
    [
      { head: "Dead letter" },
      { head: "Code" },
      { head: "Problem", isMinor: true },
      { head: "Received" },
      { head: "From", isMinor: true },
      { head: "Replayed", isMinor: true },
    ],
    rows,
    emptyState(
      "No message waits to be replayed.",
      "A message that can't be handled is kept here with its body and its cause until a person replays it.",
    ),
  );
  const chips = html`<div class="filters"><a class="chip"
    href="/dead"${all ? nothing : html` aria-current="true"`}>to replay ${open.length}</a><a class="chip"
      href="${link("/dead", { all: "yes" })}"${all ? html` aria-current="true"` : nothing}>all ${letters.length}</a>
        </div>`;
  return {
    title: "Dead letters",
    section: "dead",
    body: html`${heading("Dead letters")}${chips}${listed}`,
    liveness: "live",
  };
}

/** One dead letter: its cause, its body, and its replay. */
export async function deadLetterPage(view: View, deadLetterId: string): Promise<Page> {
  const { deadLetters } = view.app.engine;
  const letter = await deadLetters.read(deadLetterId);
  const bytes = await deadLetters.bodyOf(letter);
  const text = isUtf8(bytes) ? new TextDecoder().decode(bytes) : undefined;
  const replay = actionMenu(view, {
    name: "replay",
    label: letter.replayedAt === null ? "Replay…" : "Replay again…",
    confirm: "Publish it again",
    explanation:
      "The message is checked and published again. If its cause is not corrected, it becomes another dead letter.",
    fields: [{ name: "deadLetterId", label: "", kind: "hidden", value: deadLetterId }],
    words: actions.replay.words({ deadLetterId }),
    state: `${deadLetterId}-${letter.replayedAt ?? ""}`,
    isPrimary: true,
  });
  const body = html`<div data-id="${deadLetterId}">${heading(letter.code, nothing, replay)}<div class="callout error">
    <div><p class="message">${letter.message}</p><p class="todo">${letter.remedy}</p></div></div>${facts([
      ["received", time(letter.receivedAt)],
      ["from", letter.source],
      ["replayed", letter.replayedAt === null ? "not yet" : time(letter.replayedAt)],
      ["size", `${letter.bodyBytes.toLocaleString("en")} bytes`],
      ["id", html`<code>${deadLetterId}</code>`],
    ])}<h3>Headers</h3><pre class="json">${Object.entries(letter.headers).map(([name, value]) => `${name}: ${value}\n`)}
    </pre><h3 class="spaced">Body</h3>${
      text === undefined
        ? html`<p
      class="dim">The body is not text.</p>`
        : html`<pre class="json tall" tabindex="0">
        ${text.slice(0, shownBody)}${text.length > shownBody ? "…" : nothing}</pre>`
    }</div>`;
  return {
    title: deadLetterId,
    section: "dead",
    crumbs: [["Dead letters", "/dead"]],
    body,
    liveness: "still",
  };
}
