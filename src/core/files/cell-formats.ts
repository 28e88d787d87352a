import type { TableKind, TypedKind } from "./column-kinds.ts";
import type { FileOptions } from "./file-options.ts";

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** The letters of a format, as the expression of what they mean in a text. The longest come first. */
const tokens: readonly (readonly [token: string, expression: string])[] = [
  ["YYYY", "(?<year>[0-9]{4})"],
  ["YY", "(?<shortYear>[0-9]{2})"],
  ["MMM", `(?<monthName>${months.join("|")})`],
  ["MM", "(?<month>[0-9]{2})"],
  ["M", "(?<month>[0-9]{1,2})"],
  ["DD", "(?<day>[0-9]{2})"],
  ["D", "(?<day>[0-9]{1,2})"],
  ["HH", "(?<hour>[0-9]{2})"],
  ["H", "(?<hour>[0-9]{1,2})"],
  ["hh", "(?<halfHour>[0-9]{2})"],
  ["h", "(?<halfHour>[0-9]{1,2})"],
  ["mm", "(?<minute>[0-9]{2})"],
  ["ss", "(?<second>[0-9]{2})"],
  ["SSSSSS", "(?<fraction>[0-9]{6})"],
  ["SSS", "(?<fraction>[0-9]{3})"],
  ["A", "(?<half>am|pm)"],
  ["Z", "(?<offset>z|[+-][0-9]{2}:[0-9]{2})"],
];

/** Two digits of a year: 70 and later are of the last century, as in POSIX's strptime. */
const firstShortYear = 70;

/** A way to write dates, or dates with times. */
interface DateFormat {
  readonly kind: "date" | "timestamp";
  /** The date or time in ISO 8601. Undefined if the text is none, or has no such day. */
  parse(text: string): string | undefined;
}

/** The letters that a date format may have, for error messages. */
export const dateFormatTokens = tokens.map(([token]) => token).join(", ");

/** Undefined if it is not a format: a year, a month and a day, each once, and no unknown letters. */
export function parseDateFormat(format: string): DateFormat | undefined {
  const names = new Set<string>();
  let isAmbiguous = false;
  const expression = format.replace(/YYYY|YY|MMM?|M|DD?|HH?|hh?|mm|ss|SSSSSS|SSS|A|Z|./gs, (found) => {
    const known = tokens.find(([token]) => token === found)?.[1];
    if (known === undefined) {
      isAmbiguous ||= /[A-Za-z]/.test(found) && found !== "T";
      return escaped(found);
    }
    const name = /<(\w+)>/.exec(known)?.[1] ?? "";
    isAmbiguous ||= names.has(name);
    names.add(name);
    return known;
  });
  const has = (...alternatives: readonly string[]) => alternatives.filter((name) => names.has(name)).length;
  const hasDay = has("year", "shortYear") === 1 && has("month", "monthName") === 1 && has("day") === 1;
  const hours = has("hour", "halfHour");
  const hasTime = hours === 1 && has("halfHour") === has("half");
  const hasRests = has("minute", "second", "fraction", "offset", "half") > 0;
  if (isAmbiguous || !hasDay || hours > 1 || (hours === 1 && !hasTime) || (hours === 0 && hasRests))
    return undefined;
  const pattern = new RegExp(`^${expression}$`, "i");
  const kind = hours === 1 ? "timestamp" : "date";
  return { kind, parse: (text) => toIso(pattern.exec(text)?.groups, kind) };
}

type Parts = Readonly<Record<string, string | undefined>>;

function toIso(parts: Parts | undefined, kind: DateFormat["kind"]): string | undefined {
  if (!parts) return undefined;
  const date = toIsoDate(parts);
  if (date === undefined || kind === "date") return date;
  const hour = hourOf(parts);
  const { minute = "00", second = "00", fraction, offset = "" } = parts;
  if (hour > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const time = `${twoDigits(hour)}:${minute}:${second}${fraction === undefined ? "" : `.${fraction}`}`;
  return `${date} ${time}${offset.toUpperCase()}`;
}

function toIsoDate({ year, shortYear, month, monthName, day }: Parts): string | undefined {
  const short = Number(shortYear);
  const fullYear = year ?? String(short + (short < firstShortYear ? 2_000 : 1_900));
  const number = monthName === undefined ? Number(month) : months.indexOf(monthName.toLowerCase()) + 1;
  if (number < 1 || number > 12 || Number(day) < 1 || Number(day) > 31) return undefined;
  return `${fullYear}-${twoDigits(number)}-${twoDigits(Number(day))}`;
}

/** Twelve o'clock is the first hour of its half of the day. */
function hourOf({ hour, halfHour, half }: Parts): number {
  if (halfHour === undefined) return Number(hour);
  const number = Number(halfHour);
  if (number < 1 || number > 12) return 24;
  return (number % 12) + (half?.toLowerCase() === "pm" ? 12 : 0);
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

function escaped(character: string): string {
  return /\s/.test(character) ? "\\s" : character.replace(/[\\^$.*+?()[\]{}|/-]/, "\\$&");
}

/** A number with a comma as its decimal point; its groups of three digits may be divided. SAP writes the sign last. */
const commaNumber =
  /^([+-]?)([0-9]+|[0-9]{1,3}(?:([.'’ \u00a0\u202f])[0-9]{3}(?:\3[0-9]{3})*))(,[0-9]+)?([eE][+-]?[0-9]{1,3})?(-?)$/;

/** How the cells of a CSV file write numbers, dates and times. */
export class CellFormats {
  readonly #hasComma: boolean;
  readonly #dates: readonly DateFormat[];
  readonly #times: readonly DateFormat[];

  constructor({ decimal = ".", dateFormats = [] }: FileOptions) {
    const formats = dateFormats.flatMap((format) => parseDateFormat(format) ?? []);
    this.#hasComma = decimal === ",";
    this.#dates = formats.filter(({ kind }) => kind === "date");
    this.#times = formats.filter(({ kind }) => kind === "timestamp");
  }

  /** Whether all texts of all kinds are in the standard form. */
  get areStandard(): boolean {
    return !this.#hasComma && this.#dates.length + this.#times.length === 0;
  }

  /** Whether texts are dates and times first, and numbers only otherwise: `20261031` is both. */
  get areDatesFirst(): boolean {
    return this.#dates.length + this.#times.length > 0;
  }

  /** The text in ISO 8601 or as a number of JSON. Undefined if it is not written as the formats say. */
  toStandard(text: string, kind: TypedKind | TableKind): string | undefined {
    switch (kind) {
      case "integer":
      case "decimal":
      case "number":
        return this.#hasComma ? toPointNumber(text) : text;
      case "date":
        return this.#dates.length === 0 ? text : parseFirst(this.#dates, text);
      case "timestamp":
        return this.#toStandardTime(text);
      default:
        return text;
    }
  }

  #toStandardTime(text: string): string | undefined {
    const date = parseFirst(this.#dates, text);
    if (date !== undefined) return `${date} 00:00:00`;
    return this.#times.length === 0 ? text : parseFirst(this.#times, text);
  }
}

function parseFirst(formats: readonly DateFormat[], text: string): string | undefined {
  for (const format of formats) {
    const parsed = format.parse(text);
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

function toPointNumber(text: string): string | undefined {
  const [all, sign = "", whole = "", divider, fraction = "", exponent = "", lastSign = ""] =
    commaNumber.exec(text) ?? [];
  if (all === undefined || (sign !== "" && lastSign !== "")) return undefined;
  const digits = divider === undefined ? whole : whole.replaceAll(divider, "");
  return `${sign}${lastSign}${digits}${fraction.replace(",", ".")}${exponent}`;
}
