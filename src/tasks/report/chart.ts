import {
  axisExtent,
  buildXAxis,
  drawable,
  needsZero,
  niceScale,
  type Scale,
  type XAxis,
  type XLabel,
} from "./axes.ts";
import type { ChartData } from "./data.ts";
import { cutToWidth, escapeHtml, formatNumber, formatTicks, textWidth } from "./labels.ts";

export type ChartKind = "bar" | "line";

/** Number of colours for series in the page's style sheet. */
const colours = 8;

/** The class of a series. After the last colour they start again, in another form. */
export function seriesClass(index: number): string {
  const round = Math.floor(index / colours) % 3;
  return `c${index % colours}${round === 0 ? "" : ` d${round}`}`;
}

const narrowest = 960;
/** If bars would become too thin to see, the chart grows up to this width. */
const widest = 20_000;
/** With one line of labels; each other line makes the picture higher. */
const lowest = 400;
const lineHeight = 15;
const top = 28;
const right = 16;
const below = 56;
const tickCount = 6;
const mostDots = 60;
const widestBar = 72;
const leastBar = 2;
const widestName = 800;

interface Plot {
  readonly data: ChartData;
  readonly scale: Scale;
  readonly axis: XAxis;
  readonly xLabels: readonly XLabel[];
  readonly width: number;
  readonly height: number;
  /** Where the drawing area ends. */
  readonly bottom: number;
  readonly left: number;
  /** Width of the drawing area. */
  readonly inner: number;
  readonly y: (value: number) => number;
}

/** The chart as SVG. Colours come from the classes c0, c1, … of its page. */
export function renderChart(data: ChartData, kind: ChartKind, title: string): string {
  const plot = plotOf(data, kind);
  const marks = data.series.map((_, index) => (kind === "bar" ? bars(plot, index) : line(plot, index)));
  const label = escapeHtml(`${title}: ${data.yName} by ${data.xName}`);
  const { width, height } = plot;
  const size = width > narrowest ? ` class="wide" width="${width}" height="${height}"` : "";
  return [
    `<svg viewBox="0 0 ${width} ${height}"${size} role="img" aria-label="${label}">`,
    yAxis(plot),
    ...marks,
    xAxis(plot),
    "</svg>",
  ].join("\n");
}

function plotOf(data: ChartData, kind: ChartKind): Plot {
  const values = data.series.flatMap((series) =>
    series.values.map(drawable).filter((value) => value !== undefined),
  );
  const scale = niceScale(values, tickCount, needsZero(kind, values));
  const axis = buildXAxis(data);
  const left = Math.ceil(16 + Math.max(...formatTicks(scale.ticks).map(textWidth)));
  const wanted = kind === "bar" ? (data.series.length * leastBar) / (0.8 * axis.band) : 0;
  const width = Math.ceil(Math.min(widest, Math.max(narrowest, left + right + wanted)));
  const inner = width - left - right;
  // A label may reach the edges of the picture.
  const xLabels = axis.labels({ inner, before: left, after: right });
  const moreLines = Math.max(0, ...xLabels.map(({ lines }) => lines.length - 1));
  const bottom = lowest - below;
  return {
    data,
    scale,
    axis,
    xLabels,
    width,
    height: lowest + moreLines * lineHeight,
    bottom,
    left,
    inner,
    y: (value) => bottom - scale.position(value) * (bottom - top),
  };
}

function yAxis({ data, scale, width, left, y }: Plot): string {
  const labels = formatTicks(scale.ticks);
  const lines = scale.ticks.map((tick, index) => {
    const at = point(y(tick));
    return (
      `<line class="${tick === 0 ? "zero" : "grid"}" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>` +
      `<text class="end" x="${left - 8}" y="${point(y(tick) + 4)}">${escapeHtml(labels[index] ?? "")}</text>`
    );
  });
  return `${lines.join("\n")}\n<text class="name" x="0" y="12">${label(data.yName)}</text>`;
}

function xAxis({ data, xLabels, left, inner, height, bottom }: Plot): string {
  const room = { inner, before: left, after: right };
  const texts = xLabels.map((each) => {
    const { lines, whole } = each;
    const { left: from, right: to } = axisExtent(each, room);
    const x = point(left + (from + to) / 2);
    const title = lines.length === 1 && lines[0] === whole ? "" : `<title>${escapeHtml(whole)}</title>`;
    const [first = "", ...others] = lines.map(escapeHtml);
    const shown = first + others.map((line) => `<tspan x="${x}" dy="${lineHeight}">${line}</tspan>`).join("");
    return `<text class="middle" x="${x}" y="${bottom + 20}">${shown}${title}</text>`;
  });
  const middle = point(left + inner / 2);
  return `${texts.join("")}\n<text class="name middle" x="${middle}" y="${height - 8}">${label(data.xName)}</text>`;
}

function bars({ data, axis, left, inner, y }: Plot, index: number): string {
  const band = axis.band * inner;
  const barWidth = Math.max(1, Math.min(widestBar, (band * 0.8) / data.series.length));
  const start = index * barWidth - (barWidth * data.series.length) / 2;
  const drawn = data.series[index]?.values.map((given, at) => {
    const [value, position] = [drawable(given), axis.positions[at]];
    if (value === undefined || position === undefined) return "";
    const [high, low] = [y(Math.max(value, 0)), y(Math.min(value, 0))];
    // A value that is not zero stays visible, however small.
    const tall = value === 0 ? 0 : Math.max(1, low - high);
    const from = value < 0 ? high : low - tall;
    const x = point(left + position * inner + start);
    const box = `x="${x}" y="${point(from)}" width="${point(Math.max(1, barWidth * 0.94))}" height="${point(tall)}"`;
    return `<rect ${box}>${tooltip(data, index, at)}</rect>`;
  });
  return `<g class="${seriesClass(index)}">${drawn?.join("") ?? ""}</g>`;
}

/** A series on a time axis goes from row to row: weekly values are connected beside daily ones. */
function line({ data, axis, left, inner, y }: Plot, index: number): string {
  const given = data.series[index]?.values ?? [];
  const order = axis.order.filter((at) => !axis.isTime || given[at] !== undefined);
  const values = order.map((at) => drawable(given[at]));
  const few = values.filter((value) => value !== undefined).length <= mostDots;
  let path = "";
  let dots = "";
  values.forEach((value, place) => {
    const at = order[place] ?? 0;
    const position = axis.positions[at];
    if (value === undefined || position === undefined) return;
    const [cx, cy] = [point(left + position * inner), point(y(value))];
    const begins = values[place - 1] === undefined;
    path += `${begins ? "M" : "L"}${cx} ${cy}`;
    // A point without neighbours has no line, so it gets a dot.
    const isSeen = few || (begins && values[place + 1] === undefined);
    dots +=
      `<circle class="${isSeen ? "dot" : "hidden"}" cx="${cx}" cy="${cy}" ` +
      `r="4">${tooltip(data, index, at)}</circle>`;
  });
  return `<g class="${seriesClass(index)}"><path class="line" d="${path}"/>${dots}</g>`;
}

function label(text: string): string {
  const cut = cutToWidth(text, widestName);
  return cut === text ? escapeHtml(text) : `${escapeHtml(cut)}<title>${escapeHtml(text)}</title>`;
}

function tooltip({ shownXs, series }: ChartData, index: number, at: number): string {
  const { name, values } = series[index] ?? { name: "", values: [] };
  return `<title>${escapeHtml(`${shownXs[at] ?? ""}\n${name}: ${formatNumber(values[at] ?? 0)}`)}</title>`;
}

function point(value: number): string {
  return String(Math.round(value * 100) / 100);
}
