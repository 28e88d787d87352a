import { createHmac } from "node:crypto";
import type { ActionName } from "../app/actions.ts";
import { commandText } from "../app/actions.ts";
import type { App } from "../app/app.ts";
import type { BatchReader } from "./batch/reader.ts";
import { type Content, type Html, html, nothing, volatile } from "./html.ts";
import { command, time } from "./marks.ts";

/** What a page is made from, for one visitor. */
export interface View {
  readonly app: App;
  readonly reader: BatchReader;
  /** By this machine's clock, in milliseconds. */
  readonly now: number;
  readonly path: string;
  /** Path and query, to which a form leads back. */
  readonly here: string;
  readonly query: URLSearchParams;
  readonly actor: string;
  readonly mayAct: boolean;
  /** The token of forms of this session. */
  readonly formToken: string;
  /** The style sheet, for pages that are saved. */
  readonly style: string;
  readonly secret: string;
}

interface Field {
  readonly name: string;
  readonly label: string;
  readonly kind: "line" | "json" | "hidden";
  readonly value?: string;
  readonly hint?: string;
}

export interface ActionMenu {
  readonly name: ActionName;
  /** On the button that opens it. */
  readonly label: string;
  /** On the button that does it. */
  readonly confirm: string;
  /** What will happen, and whether it can be undone. */
  readonly explanation: Content;
  readonly fields: readonly Field[];
  /** The words of the same command. */
  readonly words: readonly string[];
  /** Changes when the thing changes, so that the same form sent twice is one change. */
  readonly state: string;
  readonly isDangerous?: boolean;
  readonly isPrimary?: boolean;
}

/** A button that opens what it does, the command that does the same, and the button that does it. */
export function actionMenu(view: View, menu: ActionMenu): Html {
  const kind = menu.isDangerous ? " danger" : menu.isPrimary ? " primary" : "";
  if (!view.mayAct)
    return html`<button type="button" class="button" disabled title="Your account may only read">${menu.label}
      </button>`;
  return html`<details class="action" id="action-${menu.name}-${menu.state}"><summary class="button${kind}">
    ${menu.label}</summary><div class="menu"><p>${menu.explanation}</p>${actionForm(view, menu)}<p
      class="or">or in a shell</p>${command(commandText(menu.words))}</div></details>`;
}

/** The form that does it. It works without script. */
export function actionForm(view: View, { name, fields, confirm, state, isDangerous }: ActionMenu): Html {
  const kind = isDangerous ? "danger" : "primary";
  return html`<form method="post" action="/do/${name}">${formStart(view, name, state)}${fields.map(formField)}
<button class="button ${kind}">${confirm}</button></form>`;
}

/**
 * What every form begins with: the token of the session, the mark of the state that the form was made for, and the page
 * to return to. The same form sent again has the same mark.
 */
export function formStart(view: View, name: ActionName, state: string): Html {
  const once = createHmac("sha256", view.secret).update(JSON.stringify([name, state, view.path]));
  // A run is not about a state: each opening of its page is another start.
  const mark =
    name === "run"
      ? volatile(`${view.now}-${once.digest("base64url").slice(0, 12)}`)
      : once.digest("base64url").slice(0, 24);
  return html`<input type="hidden" name="token" value="${view.formToken}"><input type="hidden" name="once"
    value="${mark}">
<input type="hidden" name="back" value="${view.here}">`;
}

function formField({ name, label, kind, value = "", hint }: Field): Html {
  if (kind === "hidden") return html`<input type="hidden" name="${name}" value="${value}">`;
  const more = hint === undefined ? nothing : html`<small>${hint}</small>`;
  const input =
    kind === "line"
      ? html`<input name="${name}" value="${value}" autocomplete="off">`
      : html`<textarea name="${name}" rows="${Math.min(14, Math.max(3, value.split("\n").length + 1))}"
        spellcheck="false">${value}</textarea>`;
  return html`<label><span>${label}</span>${input}${more}</label>`;
}

/** A JSON value for people: indented, and cut at `most` characters. */
export function jsonBlock(value: unknown, most = 64 * 1024, more: Content = nothing): Html {
  const text = JSON.stringify(value, null, 2) ?? "";
  const isCut = text.length > most;
  return html`<pre class="json" tabindex="0">${isCut ? text.slice(0, most) : text}${isCut ? "…" : nothing}</pre>
    ${isCut ? more : nothing}`;
}

/** A parameter of the query, if it is there and not empty. */
export function parameter({ query }: Pick<View, "query">, name: string): string | undefined {
  return query.get(name) || undefined;
}

/** ISO times inside a sentence become times that the script shows in the viewer's zone. */
export function withTimes(sentence: string): Content {
  return sentence
    .split(/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)/)
    .map((part, index) => (index % 2 === 1 ? time(part) : part));
}
