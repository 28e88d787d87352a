import { createHash } from "node:crypto";
import { drawable } from "./axes.ts";
import { type ChartKind, renderChart, seriesClass } from "./chart.ts";
import type { ChartData } from "./data.ts";
import { escapeHtml, formatColumn } from "./labels.ts";

/** Style sheet of a report. People with any kind of colour vision can distinguish the colours c0 … c7. */
const style = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --soft: #5b6675; --rule: #dfe4ea; --edge: #9aa5b1; }
.c0 { --c: #2563c9 } .c1 { --c: #d9730d } .c2 { --c: #1a9270 } .c3 { --c: #b5479b }
.c4 { --c: #b58900 } .c5 { --c: #2ba3c7 } .c6 { --c: #c43b4e } .c7 { --c: #6d6f87 }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #12161c; --ink: #e7ebf0; --soft: #9aa5b4; --rule: #2a313b; --edge: #5b6675; }
  .c0 { --c: #6ea8ff } .c1 { --c: #ffa657 } .c2 { --c: #4bd0a5 } .c3 { --c: #e58ad0 }
  .c4 { --c: #e3c04f } .c5 { --c: #67cdec } .c6 { --c: #ff7f8f } .c7 { --c: #a9abc4 }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 1040px; margin: 0 auto; padding: 32px 20px 48px }
h1 { margin: 0 0 4px; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere }
p { margin: 0; color: var(--soft); overflow-wrap: anywhere }
.note { margin-top: 8px; color: var(--ink); border-left: 4px solid var(--c); padding-left: 10px }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 20px 0 0; padding: 0; font-size: .9rem }
.legend { list-style: none }
.legend li { display: flex; align-items: baseline; overflow-wrap: anywhere; min-width: 0 }
.legend li::before { content: ""; flex: none; width: 12px; height: 12px; margin-right: 7px; transform: translateY(1px) }
.legend li::before { border-radius: 3px; background: var(--c); print-color-adjust: exact }
.scroll { overflow-x: auto; margin-top: 20px }
svg { display: block; width: 100%; min-width: 760px; height: auto; overflow: visible; font: 12px system-ui, sans-serif }
svg.wide { width: auto; min-width: 0 }
svg text { fill: var(--soft) } svg .name { fill: var(--ink); font-weight: 600 }
svg .end { text-anchor: end } svg .middle { text-anchor: middle }
.grid { stroke: var(--rule) } .zero { stroke: var(--edge) }
rect { fill: var(--c) } rect:hover, circle:hover { opacity: .75 }
.line { fill: none; stroke: var(--c); stroke-width: 2.5; stroke-linejoin: round }
.d1 .line { stroke-dasharray: 9 4 } .d2 .line { stroke-dasharray: 2 4 }
.d1 rect { fill-opacity: .6 } .d2 rect { fill-opacity: .3 }
.legend .d1::before { border-radius: 50%; opacity: .7 } .legend .d2::before { border-radius: 0; opacity: .4 }
.dot { fill: var(--c); stroke: var(--paper); stroke-width: 1.5 }
.hidden { fill: var(--c); opacity: 0 } .hidden:hover { opacity: 1 }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding-bottom: 6px }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap }
thead th { color: var(--soft); border-color: var(--edge); white-space: normal; overflow-wrap: anywhere; min-width: 9ch }
th:first-child { text-align: left; white-space: normal; min-width: 13ch; overflow-wrap: anywhere; font-weight: 500 }
footer { margin-top: 28px; font-size: .8rem }
@media print {
  :root { color-scheme: light }
  main { max-width: none; padding: 0 }
  .scroll { overflow: visible }
  svg, svg.wide { width: 100%; min-width: 0 }
  svg, tr, .legend li { break-inside: avoid }
  table { font-size: .7rem }
  th, td { padding: 3px 6px 3px 0; white-space: normal }
  thead th, th:first-child { min-width: 0 }
  th:first-child { overflow-wrap: break-word }
}
`;

export interface ReportPage {
  readonly title: string;
  readonly kind: ChartKind;
  readonly data: ChartData;
  /** A line above the chart, for example that rows were left out. */
  readonly note: string | undefined;
  readonly footer: string;
}

/** A self-contained HTML page: no script, picture or font, and a policy that forbids them. */
export function renderPage({ title, kind, data, note, footer }: ReportPage): string {
  const policy = `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`;
  const empty = data.xs.length === 0;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(`${data.yName} by ${data.xName}`)}</p>
${[note, ...(empty ? [] : [notDrawn(data)])].map(noteHtml).join("\n")}
${empty ? '<p class="note c1">The query gave no rows.</p>' : content(data, kind, title)}
<footer><p>${escapeHtml(footer)}</p></footer>
</main>
</body>
</html>
`;
}

function noteHtml(text: string | undefined): string {
  return text === undefined ? "" : `<p class="note c1">${escapeHtml(text)}</p>`;
}

/** The table shows all values, also those that have no place in a chart. */
function notDrawn({ series, yName }: ChartData): string | undefined {
  const found = series
    .flatMap(({ values }) => values)
    .filter((value) => value !== null && value !== undefined);
  if (found.length === 0) return `Column "${yName}" has no numbers: there is nothing to draw.`;
  const strange = found.filter((value) => drawable(value) === undefined).length;
  if (strange === 0) return undefined;
  return strange === 1
    ? "One value is not a finite number: it is in the table only."
    : `${strange} values are not finite numbers: they are in the table only.`;
}

function content(data: ChartData, kind: ChartKind, title: string): string {
  return `${legend(data)}
<div class="scroll">
${renderChart(data, kind, title)}
</div>
<div class="scroll" tabindex="0" role="region" aria-label="The numbers">
${table(data)}
</div>`;
}

function legend({ series, yName }: ChartData): string {
  if (series.length === 1 && series[0]?.name === yName) return "";
  const items = series.map(({ name }, index) => `<li class="${seriesClass(index)}">${escapeHtml(name)}</li>`);
  return `<ul class="legend" aria-label="Series">${items.join("")}</ul>`;
}

function table({ xName, shownXs, series }: ChartData): string {
  const columns = series.map(({ values }) => formatColumn(values));
  const heads = [xName, ...series.map(({ name }) => name)].map(
    (name) => `<th scope="col">${escapeHtml(name)}</th>`,
  );
  const rows = shownXs.map((x, at) => {
    const cells = columns.map((column) => `<td>${escapeHtml(column[at] ?? "")}</td>`);
    return `<tr><th scope="row">${escapeHtml(x)}</th>${cells.join("")}</tr>`;
  });
  return `<table>
<caption>The numbers</caption>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;
}
