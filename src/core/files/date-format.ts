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
export interface DateFormat {
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
