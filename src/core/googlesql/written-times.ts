import { Refusal } from "./refusal.ts";

const dayPattern = String.raw`(\d{4})-(\d{1,2})-(\d{1,2})`;
const timePattern = String.raw`(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{0,6}))?`;
const day = new RegExp(`^${dayPattern}$`);
const time = new RegExp(`^${timePattern}$`);
const datetime = new RegExp(`^${dayPattern}(?:[ Tt]${timePattern})?$`);
const timestamp = new RegExp(`^${dayPattern}(?:[ Tt]${timePattern})?(.*)$`);

interface Moment {
  readonly day: string;
  readonly time: string;
}

/** A date written in the text, as DuckDB writes it. Refuses one that does not exist. */
export function dateFromText(text: string): string {
  const match = day.exec(text);
  if (!match) throw invalid(text, "DATE", "2024-01-31");
  return dayOf(text, match);
}

export function timeFromText(text: string): string {
  const match = time.exec(text);
  if (!match) throw invalid(text, "TIME", "10:30:00");
  return timeOf(text, match.slice(1));
}

export function datetimeFromText(text: string): string {
  const match = datetime.exec(text);
  if (!match) throw invalid(text, "DATETIME", "2024-01-31 10:30:00");
  const { day: date, time: clock } = momentOf(text, match);
  return `${date} ${clock}`;
}

/** With an offset from UTC, or a time zone by name; UTC without one. */
export function timestampFromText(text: string): string {
  const match = timestamp.exec(text);
  if (!match) throw invalid(text, "TIMESTAMP", "2024-01-31 10:30:00+00");
  const { day: date, time: clock } = momentOf(text, match);
  const zone = match[8] ?? "";
  if (zone === "" || zone === "Z" || zone === "z" || /^ ?(UTC|\+00(:?00)?)$/.test(zone))
    return `${date} ${clock}+00`;
  const offset = /^ ?([+-])(\d{1,2})(?::(\d{2}))?$/.exec(zone);
  if (offset && Number(offset[2]) <= 14 && Number(offset[3] ?? 0) < 60)
    return `${date} ${clock}${offset[1]}${(offset[2] ?? "").padStart(2, "0")}:${offset[3] ?? "00"}`;
  throw new Refusal(
    text,
    `its time zone "${zone.trim()}" is not supported here: write the offset, such as +02, or TIMESTAMP(text, zone)`,
  );
}

/** A local time with the name of its time zone, such as "2024-01-31 10:30:00 Europe/Paris". Undefined without one. */
export function zonedFromText(text: string): { readonly local: string; readonly zone: string } | undefined {
  const match = timestamp.exec(text);
  const zone = /^ ([A-Z][A-Za-z]+\/.+)$/.exec(match?.[8] ?? "")?.[1];
  if (!match || zone === undefined || match[4] === undefined) return undefined;
  const { day: date, time: clock } = momentOf(text, match);
  return { local: `${date} ${clock}`, zone: timeZone(text, zone) };
}

function momentOf(text: string, match: RegExpExecArray): Moment {
  return {
    day: dayOf(text, match),
    time: match[4] === undefined ? "00:00:00" : timeOf(text, match.slice(4)),
  };
}

function dayOf(text: string, [, year = "", month = "", date = ""]: readonly (string | undefined)[]): string {
  const [y, m, d] = [Number(year), Number(month), Number(date)];
  if (y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m)) throw invalid(text, "date", "2024-01-31");
  return `${year}-${month.padStart(2, "0")}-${date.padStart(2, "0")}`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function timeOf(
  text: string,
  [hour = "", minute = "", second = "", fraction = ""]: readonly (string | undefined)[],
): string {
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59)
    throw invalid(text, "time", "10:30:00");
  const clock = [hour, minute, second].map((part) => part.padStart(2, "0")).join(":");
  return fraction === "" ? clock : `${clock}.${fraction}`;
}

function invalid(text: string, type: string, example: string): Refusal {
  return new Refusal(text, `"${text}" is no ${type}; write it as '${example}'`);
}

/** A time zone for DuckDB. Refuses one that the two engines may take differently. */
export function timeZone(word: string, zone: string): string {
  const offset = /^([+-])(\d{1,2})(?::?00)?$/.exec(zone);
  // POSIX counts to the west.
  if (offset && Number(offset[2]) <= 12)
    return Number(offset[2]) === 0 ? "UTC" : `Etc/GMT${offset[1] === "+" ? "-" : "+"}${Number(offset[2])}`;
  if (zone === "UTC" || /^[A-Z][A-Za-z]+(?:\/[A-Z][A-Za-z_-]+){1,2}$/.test(zone)) return zone;
  throw new Refusal(
    word,
    `the time zone '${zone}' is not supported; write one such as 'Europe/Paris', 'UTC' or '+02'`,
  );
}
