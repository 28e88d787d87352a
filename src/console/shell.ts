import { type Content, Html, html, link, nothing, volatile } from "./html.ts";
import { iconSheet } from "./marks.ts";
import { tagPlace } from "./responses.ts";

/** How often a page is asked for again. */
type Liveness =
  /** It changes while things run. */
  | "live"
  /** What it shows has ended. */
  | "ended"
  /** It is a form, or a list that must not jump. */
  | "still";

export interface Page {
  readonly title: string;
  /** The place in the navigation. */
  readonly section: Section;
  readonly crumbs?: readonly (readonly [text: string, href: string])[];
  readonly body: Html;
  readonly liveness: Liveness;
  readonly status?: number;
}

const tag = new Html(tagPlace);

const sections = [
  ["overview", "/", "Overview", "g h"],
  ["batches", "/b", "Batches", "g b"],
  ["now", "/now", "Running now", "g n"],
  ["waiting", "/waiting", "Waiting", ""],
  ["dead", "/dead", "Dead letters", "g d"],
  ["callbacks", "/callbacks", "Callbacks", ""],
  ["schedules", "/schedules", "Schedules", ""],
] as const;
type Section = (typeof sections)[number][0] | "none";

export interface Surroundings {
  /** What this Baton is: the folder of the project, or the project on Google Cloud. */
  readonly place: string;
  readonly styleHref: string;
  readonly scriptHref: string;
  readonly actor: string;
  readonly mayAct: boolean;
  /** Numbers beside the sections. */
  readonly marks?: Partial<Record<Section, number>>;
}

/** The whole document around a page. */
export function shell(page: Page, surroundings: Surroundings): Html {
  const { title, body, liveness } = page;
  const { place, styleHref, scriptHref } = surroundings;
  const reload =
    liveness === "live" ? html`<noscript><meta http-equiv="refresh" content="5"></noscript>` : nothing;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title} · Baton</title><meta name="viewport"
  content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><link rel="icon"
    href="/assets/icon.svg" type="image/svg+xml"><link rel="stylesheet" href="${styleHref}">${reload}<script
      type="module" src="${scriptHref}"></script></head>
<body>${iconSheet}<a class="skip" href="#main">Skip to the content</a>
<nav id="sections" class="side" aria-label="Sections"><a class="brand" href="/"><svg viewBox="0 0 24 24"
  aria-hidden="true"><path d="M4 18 15 7"/><circle cx="18" cy="6" r="3"/></svg><span>Baton</span></a>
    ${navigation(page.section, surroundings)}<p class="place" title="${place}">${place}<br><span>
      ${surroundings.actor}${surroundings.mayAct ? nothing : " · read only"}</span></p></nav>
<div class="page"><header class="top">${crumbs(page)}<form class="search" action="/b" role="search"><input
  type="search" name="q" placeholder="Find a batch" aria-label="Find a batch by its id or a value of its input"
    autocomplete="off"><kbd>/</kbd></form>${liveMark(liveness)}</header>
<main id="main" data-live="${liveness}" data-tag="${tag}" tabindex="-1">${body}</main></div>
${keyboardHelp}</body></html>`;
}

function navigation(chosen: Section, { marks }: Surroundings): Html {
  return html`<ul>${sections.map(([section, href, text, keys]) => {
    const number = marks?.[section] ?? 0;
    const current = section === chosen ? html` aria-current="page"` : nothing;
    const title = keys === "" ? nothing : html` title="${keys}"`;
    return html`<li><a href="${href}"${current}${title}>${text}${number > 0 ? html`<b>${number}</b>` : nothing}</a>
      </li>`;
  })}</ul>`;
}

function crumbs({ crumbs: path = [], title }: Page): Html {
  return html`<ol class="crumbs">${path.map(
    ([text, href]) => html`<li><a href="${href}">${text}</a></li>`,
  )}<li aria-current="page">${title}</li></ol>`;
}

function liveMark(liveness: Liveness): Html {
  const words = { live: "reload to update", ended: "ended", still: "" }[liveness];
  if (words === "") return html`<span id="live" class="live"></span>`;
  return html`<button type="button" id="live" class="live" aria-live="off" title="space: pause or continue">
    ${volatile(words)}</button>`;
}

const keys: readonly (readonly [string, string])[] = [
  ["/", "search"],
  ["g h", "overview"],
  ["g b", "batches"],
  ["g w", "workflow of this page"],
  ["g n", "running now"],
  ["g d", "dead letters"],
  ["j, k", "next, previous row"],
  ["Enter", "open the row"],
  ["Esc", "close, or one level up"],
  ["1 2 3", "graph, timeline, table"],
  ["f", "next failed task"],
  ["r", "refresh"],
  ["space", "pause or continue"],
  ["y", "copy the id"],
  ["?", "this help"],
];

const keyboardHelp = html`<dialog id="help" aria-label="Keyboard"><h2>Keyboard</h2><dl>${keys.map(
  ([key, meaning]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${meaning}</dd></div>`,
)}</dl><form method="dialog"><button>Close</button></form></dialog>`;

/** Links to the views of one thing. */
export function tabs(
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  chosen: string,
  views: readonly (readonly [view: string, text: string])[],
): Html {
  return html`<nav class="tabs" aria-label="Views">${views.map(([view, text], index) => {
    const current = view === chosen ? html` aria-current="page"` : nothing;
    const href = link(path, { ...query, v: view });
    return html`<a href="${href}"${current} data-tab="${index + 1}">${text}</a>`;
  })}</nav>`;
}

export function heading(title: Content, more: Content = nothing, actions: Content = nothing): Html {
  return html`<div class="heading"><div><h1>${title}</h1>${more}</div><div class="actions">${actions}</div></div>`;
}

/** What an empty list says: what it means, and what to do. */
export function emptyState(title: string, ...lines: readonly Content[]): Html {
  return html`<div class="nothing"><p><strong>${title}</strong></p>${lines.map((line) => html`<div>${line}</div>`)}
    </div>`;
}
