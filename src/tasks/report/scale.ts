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
