import { cutToWidth, formatX, textWidth } from "./text.ts";
import { momentOf, timeTicks } from "./time-axis.ts";

/** A label of the x axis, as far to the right as its value. */
export interface XLabel {
  readonly at: number;
  readonly text: string;
  /** All of it, when it is cut. */
  readonly whole: string;
}

/** Where the x values are, and what stands below them. */
export interface XAxis {
  /**
   * The middle of each x value, 0 to 1, or undefined for one that has no place: a row without a time on an axis of
   * time.
   */
  readonly positions: readonly (number | undefined)[];
  /** The indexes of the x values from left to right. */
  readonly order: readonly number[];
  /** The part of the width that belongs to one value. */
  readonly band: number;
  readonly labels: (room: XRoom) => readonly XLabel[];
}

/** The width of what is drawn in, and how far labels may reach beyond it. */
export interface XRoom {
  readonly inner: number;
  readonly before: number;
  readonly after: number;
}

/** What stands for an x value that is null. */
export const noX = "(none)";
const labelGap = 12;
/** Labels that are cut are at least so wide, and none is wider than this. */
const narrowestCut = 140;
const widestLabel = 300;
const mostTimeLabels = 16;

/** Times are where they are in time; all else stands side by side in the order of the rows. */
export function xAxisOf(xs: readonly string[]): XAxis {
  const moments = xs.map(momentOf);
  const isTime = xs.every((x, index) => x === noX || moments[index] !== undefined);
  const known = moments.filter((moment) => moment !== undefined);
  return isTime && new Set(known).size > 1 ? timeAxis(moments, known) : categoryAxis(xs);
}

function categoryAxis(xs: readonly string[]): XAxis {
  const band = 1 / Math.max(1, xs.length);
  const texts = xs.map(formatX);
  return {
    positions: xs.map((_, index) => (index + 0.5) * band),
    order: xs.map((_, index) => index),
    band,
    labels: (room) => {
      const cut = cutLabels(
        texts,
        Math.min(widestLabel, Math.max(narrowestCut, band * room.inner - labelGap)),
      );
      const all = texts.map((whole, index) => ({ at: (index + 0.5) * band, text: cut[index] ?? "", whole }));
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
          text: label,
          whole: label,
        }));
        if (ticks.length > 0 && withoutOverlaps(ticks, room).length === ticks.length) return ticks;
      }
      return [];
    },
  };
}

/** Every so many-th label, so that none touches the next. */
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
    const { left, right } = extentOf(label, room);
    if (left < end + labelGap) return true;
    end = right;
  }
  return false;
}

/** Where a label goes that is in the middle of a value, and moved inwards where it would be cut off. */
export function extentOf(
  { at, text }: XLabel,
  { inner, before, after }: XRoom,
): { readonly left: number; readonly right: number } {
  const half = textWidth(text) / 2;
  const middle = Math.max(half - before, Math.min(at * inner, inner + after - half));
  return { left: middle - half, right: middle + half };
}
