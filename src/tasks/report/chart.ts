import type { ChartData } from "./data.ts";
import { labelStride, needsZero, niceScale, type Scale } from "./scale.ts";
import { axisLabels, escapeHtml, formatNumber, formatTick, formatX } from "./text.ts";

export type ChartKind = "bar" | "line";

/** Colours of series; the page's style sheet has as many. */
export const colours = 8;

const width = 960;
const height = 400;
const top = 28;
const right = 16;
const bottom = 56;
const characterWidth = 7;
const tickCount = 6;
const mostDots = 60;
const widestBar = 72;

interface Plot {
  readonly data: ChartData;
  readonly scale: Scale;
  readonly left: number;
  /** Width that belongs to one x value. */
  readonly band: number;
  readonly y: (value: number) => number;
}

/** The chart as SVG. Colours come from the classes c0, c1, … of the page it stands in. */
export function renderChart(data: ChartData, kind: ChartKind, title: string): string {
  const plot = plotOf(data, kind);
  const marks = data.series.map((_, index) => (kind === "bar" ? bars(plot, index) : line(plot, index)));
  const label = `${title}: ${data.yName} by ${data.xName}`;
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}">`,
    yAxis(plot),
    ...marks,
    xAxis(plot),
    "</svg>",
  ].join("\n");
}

function plotOf(data: ChartData, kind: ChartKind): Plot {
  const values = data.series.flatMap((series) => series.values.filter((value) => value !== null));
  const scale = niceScale(values, tickCount, needsZero(kind, values));
  const widest = Math.max(...tickLabels(scale).map((label) => label.length));
  const left = 16 + widest * characterWidth;
  const plotHeight = height - top - bottom;
  return {
    data,
    scale,
    left,
    band: (width - left - right) / Math.max(1, data.xs.length),
    y: (value) => height - bottom - scale.position(value) * plotHeight,
  };
}

function tickLabels({ ticks }: Scale): string[] {
  const largest = Math.max(...ticks.map(Math.abs));
  return ticks.map((tick) => formatTick(tick, largest));
}

function yAxis({ data, scale, left, y }: Plot): string {
  const labels = tickLabels(scale);
  const lines = scale.ticks.map((tick, index) => {
    const at = point(y(tick));
    return (
      `<line class="${tick === 0 ? "zero" : "grid"}" x1="${left}" x2="${width - right}" y1="${at}" y2="${at}"/>` +
      `<text class="end" x="${left - 8}" y="${point(y(tick) + 4)}">${escapeHtml(labels[index] ?? "")}</text>`
    );
  });
  return `${lines.join("\n")}\n<text class="name" x="0" y="12">${escapeHtml(data.yName)}</text>`;
}

function xAxis({ data, left, band }: Plot): string {
  const labels = axisLabels(data.xs);
  const widest = Math.max(0, ...labels.map((label) => label.length));
  const stride = labelStride(labels.length, widest * characterWidth + 12, width - left - right);
  const texts = labels.map((label, index) =>
    index % stride === 0
      ? `<text class="middle" x="${point(left + (index + 0.5) * band)}" y="${height - bottom + 20}">${escapeHtml(label)}</text>`
      : "",
  );
  const middle = point((left + width - right) / 2);
  return `${texts.join("")}\n<text class="name middle" x="${middle}" y="${height - 8}">${escapeHtml(data.xName)}</text>`;
}

function bars({ data, left, band, y }: Plot, index: number): string {
  const barWidth = Math.min(widestBar, (band * 0.8) / data.series.length);
  const start = (band - barWidth * data.series.length) / 2 + index * barWidth;
  const drawn = data.series[index]?.values.map((value, at) => {
    if (value === null) return "";
    const [high, low] = [y(Math.max(value, 0)), y(Math.min(value, 0))];
    const x = point(left + at * band + start);
    const box = `x="${x}" y="${point(high)}" width="${point(barWidth * 0.94)}" height="${point(low - high)}"`;
    return `<rect ${box}>${tooltip(data, index, at)}</rect>`;
  });
  return `<g class="c${index % colours}">${drawn?.join("") ?? ""}</g>`;
}

function line({ data, left, band, y }: Plot, index: number): string {
  const dotClass = data.xs.length > mostDots ? "hidden" : "dot";
  let path = "";
  let dots = "";
  let broken = true;
  data.series[index]?.values.forEach((value, at) => {
    if (value !== null) {
      const [cx, cy] = [point(left + (at + 0.5) * band), point(y(value))];
      path += `${broken ? "M" : "L"}${cx} ${cy}`;
      dots += `<circle class="${dotClass}" cx="${cx}" cy="${cy}" r="4">${tooltip(data, index, at)}</circle>`;
    }
    broken = value === null;
  });
  return `<g class="c${index % colours}"><path class="line" d="${path}"/>${dots}</g>`;
}

function tooltip({ xs, series }: ChartData, index: number, at: number): string {
  const { name, values } = series[index] ?? { name: "", values: [] };
  return `<title>${escapeHtml(`${formatX(xs[at] ?? "")}\n${name}: ${formatNumber(values[at] ?? 0)}`)}</title>`;
}

function point(value: number): string {
  return String(Math.round(value * 100) / 100);
}
