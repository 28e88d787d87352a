import { createHash } from "node:crypto";
import { type ChartKind, renderChart, seriesClass } from "./chart.ts";
import type { ChartData } from "./data.ts";
import { drawable } from "./scale.ts";
import { style } from "./style.ts";
import { escapeHtml, formatNumber, formatX } from "./text.ts";

export interface ReportPage {
  readonly title: string;
  readonly kind: ChartKind;
  readonly data: ChartData;
  /** Said above the chart: that rows were left out, for example. */
  readonly note: string | undefined;
  readonly footer: string;
}

/** One HTML page that needs nothing else: no script, no picture, no font, and a policy that forbids them. */
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
${[note, notDrawn(data)].map((text) => (text === undefined ? "" : `<p class="note c1">${escapeHtml(text)}</p>`)).join("\n")}
${empty ? '<p class="note c1">The query gave no rows.</p>' : content(data, kind, title)}
<footer><p>${escapeHtml(footer)}</p></footer>
</main>
</body>
</html>
`;
}

/** The table has all values; some have no place in a chart. */
function notDrawn({ series }: ChartData): string | undefined {
  const strange = series
    .flatMap(({ values }) => values)
    .filter((value) => value !== null && drawable(value) === undefined).length;
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

function table({ xName, xs, series }: ChartData): string {
  const heads = [xName, ...series.map(({ name }) => name)].map(
    (name) => `<th scope="col">${escapeHtml(name)}</th>`,
  );
  const rows = xs.map((x, at) => {
    const cells = series.map(({ values }) => `<td>${cell(values[at])}</td>`);
    return `<tr><th scope="row">${escapeHtml(formatX(x))}</th>${cells.join("")}</tr>`;
  });
  return `<table>
<caption>The numbers</caption>
<thead><tr>${heads.join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>`;
}

function cell(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : escapeHtml(formatNumber(value));
}
