import type { ChartData } from "./data.ts";
import { cutToWidth, noX, textWidth, wrapLabels } from "./labels.ts";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const timePattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** Parses a date or a time, in UTC if it names no zone. Undefined for any other text. */
export function parseMoment(text: string): number | undefined {
  const [, date, time = "00:00", seconds = ":00", zone = "Z"] = timePattern.exec(text) ?? [];
  if (date === undefined) return undefined;
  const offset = zone === "Z" ? zone : `${zone.slice(0, 3)}:${zone.slice(3).replace(":", "") || "00"}`;
  const moment = Date.parse(`${date}T${time}${seconds.slice(0, 7)}${offset}`);
  return Number.isNaN(moment) ? undefined : moment;
}

export interface TimeTick {
  readonly moment: number;
  readonly label: string;
}

type Step = { readonly milliseconds: number } | { readonly months: number };

const steps: readonly Step[] = [
  ...[1, 5, 15, 30].map((count) => ({ milliseconds: count * second })),
  ...[1, 5, 15, 30].map((count) => ({ milliseconds: count * minute })),
  ...[1, 3, 6, 12].map((count) => ({ milliseconds: count * hour })),
  ...[1, 2, 7, 14].map((count) => ({ milliseconds: count * day })),
  ...[1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000].map((months) => ({ months })),
];

/** Round moments between two times, at most `most` of them: calendar days, months and years in UTC. */
export function timeTicks(from: number, to: number, most: number): readonly TimeTick[] {
  const areDays = from % day === 0 && to % day === 0;
  for (const step of steps) {
    if (areDays && "milliseconds" in step && step.milliseconds < day) continue;
    const count = (to - from) / ("months" in step ? step.months * 30 * day : step.milliseconds);
    if (count > most) continue;
    const moments =
      "months" in step ? monthsBetween(from, to, step.months) : evenly(from, to, step.milliseconds);
    if (moments.length <= most)
      return moments.map((moment) => ({
        moment,
        label: labelOf(moment, step, from, to, moment === moments[0]),
      }));
  }
  return [];
}

/** Steps of days count from the first day of the axis, so that daily and weekly data is labelled at its points. */
function evenly(from: number, to: number, step: number): number[] {
  const first = step > day ? Math.ceil(from / day) * day : Math.ceil(from / step) * step;
  return Array.from(
    { length: Math.max(0, Math.floor((to - first) / step) + 1) },
    (_, index) => first + index * step,
  );
}

function monthsBetween(from: number, to: number, months: number): number[] {
  const start = new Date(from);
  const moments: number[] = [];
  let month = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (;;) {
    const moment = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (moment > to) return moments;
    if (moment >= from) moments.push(moment);
    month += months;
  }
}

const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function labelOf(moment: number, step: Step, from: number, to: number, isFirst: boolean): string {
  const at = new Date(moment);
  const year = String(at.getUTCFullYear());
  const name = names[at.getUTCMonth()] ?? "";
  if ("months" in step) return step.months >= 12 ? year : `${name} ${year}`;
  const dayName = `${at.getUTCDate()} ${name}`;
  const oneYear = new Date(from).getUTCFullYear() === new Date(to).getUTCFullYear();
  if (step.milliseconds >= day) return oneYear ? dayName : `${dayName} ${year}`;
  const time = at.toISOString().slice(11, step.milliseconds < minute ? 19 : 16);
  const oneDay = Math.floor(from / day) === Math.floor(to / day);
  // An axis within one day shows the day once.
  return oneDay && !isFirst ? time : `${dayName} ${time}`;
}

/** A label of the x axis, at the position of its value. */
export interface XLabel {
  readonly at: number;
  readonly lines: readonly string[];
  /** The text before it was wrapped and cut. */
  readonly whole: string;
}

/** The positions of the x values, and the labels below them. */
export interface XAxis {
  readonly isTime: boolean;
  /**
   * The middle of each x value, 0 to 1. Undefined for a row without a time on a time axis.
   */
  readonly positions: readonly (number | undefined)[];
  /** The indexes of the x values from left to right. */
  readonly order: readonly number[];
  /** The share of the width that one value takes. */
  readonly band: number;
  readonly labels: (room: XRoom) => readonly XLabel[];
}

/** The width of the drawing area, and how far labels may reach beyond it. */
export interface XRoom {
  readonly inner: number;
  readonly before: number;
  readonly after: number;
}

const labelGap = 12;
/** The narrowest width of a wrapped label and of a cut one, and the widest of any. */
const narrowestWrapped = 52;
const narrowestCut = 140;
const widestLabel = 300;
const mostTimeLabels = 16;

/** Times are drawn to scale. Other values are drawn side by side in the order of the rows. */
export function buildXAxis({ xs, shownXs }: Pick<ChartData, "xs" | "shownXs">): XAxis {
  const moments = xs.map(parseMoment);
  const isTime = xs.every((x, index) => x === noX || moments[index] !== undefined);
  const known = moments.filter((moment) => moment !== undefined);
  return isTime && new Set(known).size > 1 ? timeAxis(moments, known) : categoryAxis(shownXs);
}

function categoryAxis(texts: readonly string[]): XAxis {
  const band = 1 / Math.max(1, texts.length);
  return {
    isTime: false,
    positions: texts.map((_, index) => (index + 0.5) * band),
    order: texts.map((_, index) => index),
    band,
    labels: (room) => {
      const width = Math.min(widestLabel, band * room.inner - labelGap);
      const linesOf =
        width >= narrowestWrapped
          ? wrapLabels(texts, width)
          : cutLabels(texts, narrowestCut).map((text) => [text]);
      const all = texts.map((whole, index) => ({
        at: (index + 0.5) * band,
        lines: linesOf[index] ?? [],
        whole,
      }));
      return withoutOverlaps(all, room);
    },
  };
}

/** Names that only differ at their ends are cut in the middle. */
function cutLabels(texts: readonly string[], width: number): readonly string[] {
  const cut = texts.map((text) => cutToWidth(text, width));
  if (new Set(cut).size === new Set(texts).size) return cut;
  return texts.map((text) => cutToWidth(text, width, "middle"));
}

function timeAxis(moments: readonly (number | undefined)[], known: readonly number[]): XAxis {
  const sorted = [...new Set(known)].sort((one, other) => one - other);
  const gaps = sorted.slice(1).map((moment, index) => moment - (sorted[index] ?? 0));
  const [first = 0, last = 0] = [sorted[0], sorted.at(-1)];
  const gap = gaps.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  // Half a gap at both ends, as much as the first and the last value need.
  const span = last - first + gap;
  const place = (moment: number) => (moment - first + gap / 2) / span;
  return {
    isTime: true,
    positions: moments.map((moment) => (moment === undefined ? undefined : place(moment))),
    order: moments
      .flatMap((moment, index) => (moment === undefined ? [] : [{ moment, index }]))
      .sort((one, other) => one.moment - other.moment)
      .map(({ index }) => index),
    band: gap / span,
    labels: (room) => {
      for (let most = mostTimeLabels; most > 1; most--) {
        const ticks = timeTicks(first, last, most).map(({ moment, label }) => ({
          at: place(moment),
          lines: [label],
          whole: label,
        }));
        if (ticks.length > 0 && withoutOverlaps(ticks, room).length === ticks.length) return ticks;
      }
      return [];
    },
  };
}

/** Every n-th label, so that labels do not touch. */
function withoutOverlaps(labels: readonly XLabel[], room: XRoom): readonly XLabel[] {
  for (let stride = 1; stride < labels.length; stride++) {
    const shown = labels.filter((_, index) => index % stride === 0);
    if (!doOverlap(shown, room)) return shown;
  }
  return labels.slice(0, 1);
}

function doOverlap(labels: readonly XLabel[], room: XRoom): boolean {
  let end = Number.NEGATIVE_INFINITY;
  for (const label of labels) {
    const { left, right } = axisExtent(label, room);
    if (left < end + labelGap) return true;
    end = right;
  }
  return false;
}

/** The range of a label centred on its value, moved inwards if it would be cut off. */
export function axisExtent(
  { at, lines }: XLabel,
  { inner, before, after }: XRoom,
): { readonly left: number; readonly right: number } {
  const half = Math.max(...lines.map(textWidth)) / 2;
  const middle = Math.max(half - before, Math.min(at * inner, inner + after - half));
  return { left: middle - half, right: middle + half };
}

/** A numeric axis that starts and ends at a tick. */
export interface Scale {
  readonly ticks: readonly number[];
  /** Position of a value between the two ends, 0 to 1. */
  readonly position: (value: number) => number;
}

/** Beyond these, sums and steps of an axis would overflow or become zero. */
const largestDrawn = 1e300;
const smallestDrawn = 1e-300;
/** The smallest step of an axis, as a share of its numbers, that a double can represent. */
const finestStep = 1e-12;

/** The value to draw; undefined for a value that has no place on an axis. */
export function drawable(value: number | null | undefined): number | undefined {
  if (value === null || value === undefined || !(Math.abs(value) <= largestDrawn)) return undefined;
  return Math.abs(value) < smallestDrawn ? 0 : value;
}

const niceSteps: readonly number[] = [1, 2, 2.5, 5, 10];

/** A scale with about `count` steps of a round size that covers all values, and zero when `fromZero`. */
export function niceScale(values: readonly number[], count: number, fromZero: boolean): Scale {
  const [low, high] = extent(values, fromZero);
  const finest = Math.max(Math.abs(low), Math.abs(high)) * finestStep;
  const step = niceStep(Math.max((high - low) / count, finest));
  const first = Math.floor(low / step);
  const last = Math.max(Math.ceil(high / step), first + 1);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => round((first + index) * step, step));
  const [start, end] = [first * step, last * step];
  return { ticks, position: (value) => (value - start) / (end - start) };
}

/** A line that moves within a narrow band far from zero would be flat if zero were on its axis. */
export function needsZero(kind: "bar" | "line", values: readonly number[]): boolean {
  if (kind === "bar" || values.length === 0) return true;
  const [low, high] = extent(values, false);
  return high - low > 0.3 * Math.max(Math.abs(low), Math.abs(high));
}

function extent(values: readonly number[], fromZero: boolean): readonly [number, number] {
  let low = fromZero ? 0 : Number.POSITIVE_INFINITY;
  let high = fromZero ? 0 : Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  if (low < high) return [low, high];
  const reach = Math.abs(low) || 1;
  return fromZero ? [low, low + reach] : [low - reach / 2, low + reach / 2];
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = niceSteps.find((candidate) => candidate * power >= rough * 0.999) ?? 10;
  return factor * power;
}

/** Removes the error of binary fractions: 0.30000000000000004 is 0.3. */
function round(value: number, step: number): number {
  const digits = Math.max(0, Math.ceil(-Math.log10(step)) + 1);
  return digits > 100 ? value : Number(value.toFixed(digits));
}
