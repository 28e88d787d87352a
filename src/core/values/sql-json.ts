import type { JsonValue } from "./json.ts";

/*
 * The JSON of SQL values, the same for every engine: docs/values.md lists it. The adapters turn what their engine sends
 * into these forms.
 */

/** NaN and the infinities are text, because JSON has no such numbers. -0 is 0, as it is in JSON text. */
export function doubleToJson(value: number): JsonValue {
  return Number.isFinite(value) ? value + 0 : String(value);
}

/**
 * A date, a time or both in the text of an engine, with `T` between them. Fractions of a second have three, six or nine
 * digits, or none. Text of another form is returned unchanged.
 */
export function timeTextToJson(text: string): string {
  return text
    .replace(/^(\d{4,}-\d\d-\d\d) (?=\d)/, "$1T")
    .replace(
      /(?<=^|T)(\d+:\d\d:\d\d)\.(\d+)/,
      (_all, time: string, digits: string) => time + fraction(digits),
    );
}

/** Without groups of three zeros at the end. */
function fraction(digits: string): string {
  const groups = digits.padEnd(Math.ceil(digits.length / 3) * 3, "0").replace(/(?:000)+$/, "");
  return groups === "" ? "" : `.${groups}`;
}

interface Interval {
  readonly months: number;
  readonly days: number;
  readonly micros: bigint;
}

const secondMicros = 1_000_000n;

/** `years-months days hours:minutes:seconds`, as BigQuery writes an INTERVAL: each of the three has its own sign. */
export function intervalText({ months, days, micros }: Interval): string {
  const [ofMonths, ofTime] = [months < 0 ? "-" : "", micros < 0n ? "-" : ""];
  const allMonths = Math.abs(months);
  const allMicros = micros < 0n ? -micros : micros;
  const seconds = allMicros / secondMicros;
  const rest = fraction(String(allMicros % secondMicros).padStart(6, "0"));
  const time = `${seconds / 3_600n}:${(seconds / 60n) % 60n}:${seconds % 60n}${rest}`;
  return `${ofMonths}${Math.trunc(allMonths / 12)}-${allMonths % 12} ${days} ${ofTime}${time}`;
}

const intervalPattern = /^(-?\d+-\d+ -?\d+ -?\d+:\d+:\d+)\.(\d+)$/;

/** An interval in BigQuery's text, with a fraction of three or six digits. */
export function intervalTextToJson(text: string): string {
  return text.replace(intervalPattern, (_all, whole: string, digits: string) => whole + fraction(digits));
}
