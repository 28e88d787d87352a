import type { DatePart } from "../calls.ts";
import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, type Term, writtenText } from "../terms.ts";
import {
  DATE,
  DATETIME,
  INT64,
  INTERVAL,
  quoteText,
  TIME,
  TIMESTAMP,
  type Type,
  typeName,
} from "../types.ts";
import { timeZone } from "../written-times.ts";
import { readSignatures } from "./signatures.ts";

export const dateSignatures = readSignatures(`
  DATE(DATE) DATE = $1
  DATE(DATETIME) DATE = CAST($1 AS DATE)
  DATE(LOCAL) DATE = CAST($1 AS DATE)
  DATE(TIMESTAMP) DATE = CAST(timezone('UTC', $1) AS DATE)
  DATE(INT64, INT64, INT64) DATE = googlesql_make_date($1, $2, $3)
  DATETIME(DATE) DATETIME = CAST($1 AS TIMESTAMP)
  DATETIME(DATETIME) DATETIME = $1
  DATETIME(LOCAL) DATETIME = $1
  DATETIME(TIMESTAMP) DATETIME = timezone('UTC', $1)
  DATETIME(DATE, TIME) DATETIME = ($1 + $2)
  DATETIME(INT64, INT64, INT64, INT64, INT64, INT64) DATETIME = (googlesql_make_date($1, $2, $3) + googlesql_make_time($4, $5, $6))
  TIMESTAMP(TIMESTAMP) TIMESTAMP = $1
  TIMESTAMP(DATE) TIMESTAMP = timezone('UTC', CAST($1 AS TIMESTAMP))
  TIMESTAMP(DATETIME) TIMESTAMP = timezone('UTC', $1)
  TIMESTAMP(LOCAL) TIMESTAMP = timezone('UTC', $1)
  TIMESTAMP(STRING) TIMESTAMP = googlesql_timestamp($1)
  TIME(INT64, INT64, INT64) TIME = googlesql_make_time($1, $2, $3)
  TIME(DATETIME) TIME = CAST($1 AS TIME)
  TIME(LOCAL) TIME = CAST($1 AS TIME)
  TIME(TIMESTAMP) TIME = CAST(timezone('UTC', $1) AS TIME)
  UNIX_DATE(DATE) INT64 = CAST($1 - DATE '1970-01-01' AS BIGINT)
  UNIX_SECONDS(TIMESTAMP) INT64 = googlesql_floor_div(epoch_us($1), 1000000)
  UNIX_MILLIS(TIMESTAMP) INT64 = googlesql_floor_div(epoch_us($1), 1000)
  UNIX_MICROS(TIMESTAMP) INT64 = epoch_us($1)
  DATE_FROM_UNIX_DATE(INT64) DATE = googlesql_in_dates(DATE '1970-01-01' + CAST($1 AS INTEGER))
  TIMESTAMP_SECONDS(INT64) TIMESTAMP = googlesql_in_timestamps(make_timestamptz($1 * 1000000))
  TIMESTAMP_MILLIS(INT64) TIMESTAMP = googlesql_in_timestamps(make_timestamptz($1 * 1000))
  TIMESTAMP_MICROS(INT64) TIMESTAMP = googlesql_in_timestamps(make_timestamptz($1))
  CURRENT_DATE() DATE = CAST(timezone('UTC', now()) AS DATE)
  CURRENT_DATETIME() DATETIME = timezone('UTC', now())
  CURRENT_TIMESTAMP() TIMESTAMP = now()
  CURRENT_TIME() TIME = CAST(timezone('UTC', now()) AS TIME)
`);

/** DATE, DATETIME, TIME and TIMESTAMP of a value in a time zone. */
export function inZone(name: string, value: Term, zone: Term): Term {
  const written = quoteText(timeZone(name, writtenText(name, "the time zone", zone)));
  if (name === "TIMESTAMP") {
    if (value.type.kind === "STRING" && value.written?.kind !== "text")
      throw new Refusal(
        name,
        "TIMESTAMP of a text that is not written here is not supported with a zone; use PARSE_TIMESTAMP",
      );
    const local =
      value.type.kind === "DATE" ? `CAST(${value.sql} AS TIMESTAMP)` : expect(name, value, DATETIME).sql;
    assertRepeatable(name, [value]);
    return { sql: `googlesql_instant(${local}, ${written})`, type: TIMESTAMP };
  }
  const local = `timezone(${written}, ${expect(name, value, TIMESTAMP).sql})`;
  if (name === "DATETIME") return { sql: local, type: DATETIME };
  const type = name === "DATE" ? DATE : TIME;
  return { sql: `CAST(${local} AS ${type.kind})`, type };
}

/** The local time of a value, from which parts can be read. */
export function localTime(word: string, value: Term, zone?: Term): Term {
  const { kind } = value.type;
  if (zone)
    return {
      sql: `timezone(${quoteText(timeZone(word, writtenText(word, "the time zone", zone)))}, ${expect(word, value, TIMESTAMP).sql})`,
      type: DATETIME,
    };
  if (kind === "TIMESTAMP") return { sql: `timezone('UTC', ${value.sql})`, type: DATETIME };
  if (kind === "TIMESTAMP_OR_DATETIME") return { sql: value.sql, type: DATETIME };
  if (["DATE", "DATETIME", "TIME", "UNKNOWN"].includes(kind)) return value;
  throw new Refusal(word, `it takes a date or a time, not ${typeName(value.type)}`);
}

const extracts: Readonly<Record<string, string>> = {
  YEAR: "extract(year FROM $1)",
  QUARTER: "extract(quarter FROM $1)",
  MONTH: "extract(month FROM $1)",
  DAY: "extract(day FROM $1)",
  DAYOFYEAR: "extract(doy FROM $1)",
  DAYOFWEEK: "(extract(dow FROM $1) + 1)",
  ISOWEEK: "extract(week FROM $1)",
  ISOYEAR: "extract(isoyear FROM $1)",
  HOUR: "extract(hour FROM $1)",
  MINUTE: "extract(minute FROM $1)",
  SECOND: "extract(second FROM $1)",
  MILLISECOND: "(extract(millisecond FROM $1) % 1000)",
  MICROSECOND: "(extract(microsecond FROM $1) % 1000000)",
};

export function extract(part: DatePart, value: Term, zone?: Term): Term {
  const local = localTime("EXTRACT", value, zone);
  const { kind } = local.type;
  if (part.name === "DATE" || part.name === "TIME") {
    if (kind !== "DATETIME" && kind !== "UNKNOWN")
      throw new Refusal(part.name, `it can't be extracted from ${typeName(value.type)}`);
    return { sql: `CAST(${local.sql} AS ${part.name})`, type: part.name === "DATE" ? DATE : TIME };
  }
  const isTimePart = ["HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"].includes(part.name);
  if ((kind === "DATE" && isTimePart) || (kind === "TIME" && !isTimePart))
    throw new Refusal(part.name, `it can't be extracted from ${typeName(value.type)}`);
  assertRepeatable("EXTRACT", [value]);
  if (part.name === "WEEK") return { sql: `googlesql_week(${local.sql}, ${part.firstDay})`, type: INT64 };
  const template = extracts[part.name];
  if (!template) throw new Refusal(part.name, "it is no part of a date that EXTRACT knows");
  return { sql: `CAST(${template.replaceAll("$1", () => local.sql)} AS BIGINT)`, type: INT64 };
}

const dayParts = ["DAY", "WEEK", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR"];
const timeParts = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"];

/** DATE_TRUNC, DATETIME_TRUNC, TIMESTAMP_TRUNC and TIME_TRUNC. */
export function truncate(name: string, value: Term, part: DatePart, zone?: Term): Term {
  const type = truncatedType(name, value);
  assertRepeatable(name, [value]);
  const isDay = dayParts.includes(part.name);
  if (!(isDay ? type.kind !== "TIME" : timeParts.includes(part.name) && type.kind !== "DATE"))
    throw new Refusal(part.name, `${name} does not know this part for ${typeName(type)}`);
  if (zone && !["TIMESTAMP", "TIMESTAMP_OR_DATETIME"].includes(type.kind))
    throw new Refusal(name, "a time zone is for TIMESTAMP only");
  const from =
    value.written?.kind === "text" || value.written?.kind === "parameter" || value.written?.kind === "null"
      ? expect(name, value, type)
      : value;
  if (!zone || type.kind !== "TIMESTAMP") {
    if (zone) throw new Refusal(name, "write TIMESTAMP(column) for a time zone");
    const local = localTime(name, from).sql;
    const cut = truncateLocal(local, part, type.kind);
    return { sql: type.kind === "TIMESTAMP" ? `timezone('UTC', ${cut})` : cut, type };
  }
  const written = quoteText(timeZone(name, writtenText(name, "the time zone", zone)));
  return {
    sql: `googlesql_instant(${truncateLocal(`timezone(${written}, ${from.sql})`, part, "DATETIME")}, ${written})`,
    type,
  };
}

function truncatedType(name: string, value: Term): Type {
  if (value.type.kind === "TIMESTAMP_OR_DATETIME" || value.type.kind === "UNKNOWN") return value.type;
  const own =
    { DATE_TRUNC: DATE, DATETIME_TRUNC: DATETIME, TIMESTAMP_TRUNC: TIMESTAMP, TIME_TRUNC: TIME }[name] ??
    DATE;
  if (value.written?.kind === "text" || value.written?.kind === "parameter" || value.written?.kind === "null")
    return own;
  if (
    ["DATE", "DATETIME", "TIMESTAMP", "TIME"].includes(value.type.kind) &&
    (name !== "TIME_TRUNC") === (value.type.kind !== "TIME")
  )
    return value.type;
  throw new Refusal(name, `it does not take ${typeName(value.type)}`);
}

function truncateLocal(local: string, part: DatePart, kind: Type["kind"]): string {
  const toType = (sql: string) =>
    kind === "DATE" ? `CAST(${sql} AS DATE)` : kind === "TIME" ? `CAST(${sql} AS TIME)` : sql;
  if (part.name === "WEEK" || part.name === "ISOWEEK")
    return toType(`googlesql_week_start(${local}, ${part.firstDay})`);
  if (part.name === "ISOYEAR") return toType(`googlesql_iso_year_start(${local})`);
  const source = kind === "TIME" ? `(DATE '2000-01-01' + ${local})` : local;
  return toType(`date_trunc('${part.name.toLowerCase()}', ${source})`);
}

/** DATE_DIFF counts boundaries, as DATETIME_DIFF does. TIMESTAMP_DIFF and TIME_DIFF count whole parts that have passed. */
export function difference(name: string, end: Term, start: Term, part: DatePart): Term {
  const types =
    {
      DATE_DIFF: [DATE, DATETIME, TIMESTAMP],
      DATETIME_DIFF: [DATETIME],
      TIMESTAMP_DIFF: [TIMESTAMP],
      TIME_DIFF: [TIME],
    }[name] ?? [];
  const type =
    types.find((one) =>
      [end, start].every(
        (term) =>
          term.type.kind === one.kind ||
          term.written?.kind === "text" ||
          term.written?.kind === "parameter" ||
          term.type.kind === "UNKNOWN",
      ),
    ) ?? (name === "TIMESTAMP_DIFF" ? TIMESTAMP : name === "DATETIME_DIFF" ? DATETIME : DATE);
  const [b, a] = [expect(name, end, type), expect(name, start, type)];
  assertRepeatable(name, [a, b]);
  if (type.kind === "TIMESTAMP") return elapsed(name, `(epoch_us(${b.sql}) - epoch_us(${a.sql}))`, part);
  if (type.kind === "TIME") {
    if (!timeParts.includes(part.name)) throw new Refusal(part.name, `${name} does not know this part`);
    return { sql: `date_diff('${part.name.toLowerCase()}', ${a.sql}, ${b.sql})`, type: INT64 };
  }
  if (!dayParts.includes(part.name) && (type.kind === "DATE" || !timeParts.includes(part.name)))
    throw new Refusal(part.name, `${name} does not know this part`);
  if (part.name === "WEEK" || part.name === "ISOWEEK")
    return { sql: `googlesql_weeks(${b.sql}, ${a.sql}, ${part.firstDay})`, type: INT64 };
  if (part.name === "ISOYEAR")
    return {
      sql: `CAST(extract(isoyear FROM ${b.sql}) - extract(isoyear FROM ${a.sql}) AS BIGINT)`,
      type: INT64,
    };
  return { sql: `date_diff('${part.name.toLowerCase()}', ${a.sql}, ${b.sql})`, type: INT64 };
}

const microseconds: Readonly<Record<string, string>> = {
  MICROSECOND: "1",
  MILLISECOND: "1000",
  SECOND: "1000000",
  MINUTE: "60000000",
  HOUR: "3600000000",
  DAY: "86400000000",
};

function elapsed(name: string, micros: string, part: DatePart): Term {
  const unit = microseconds[part.name];
  if (!unit) throw new Refusal(part.name, `${name} does not know this part; use DATE_DIFF of the dates`);
  return { sql: `(${micros} // ${unit})`, type: INT64 };
}

/** An interval that is written as `INTERVAL 3 DAY`. */
export interface Interval {
  readonly count: Term;
  readonly part: string;
}

const months: Readonly<Record<string, number>> = { MONTH: 1, QUARTER: 3, YEAR: 12 };
const days: Readonly<Record<string, number>> = { DAY: 1, WEEK: 7 };

/** DATE_ADD, DATETIME_SUB, … and `date + INTERVAL 1 DAY`. */
export function shift(name: string, value: Term, { count, part }: Interval, sign: 1 | -1, own: Type): Term {
  const written =
    value.written?.kind === "text" || value.written?.kind === "parameter" || value.written?.kind === "null";
  const isLocal = value.type.kind === "TIMESTAMP_OR_DATETIME";
  const type =
    value.type.kind === "UNKNOWN" ||
    isLocal ||
    (!written && ["DATE", "DATETIME", "TIMESTAMP", "TIME"].includes(value.type.kind))
      ? value.type
      : own;
  const start = isLocal ? value : expect(name, value, type);
  const isTimestamp = type.kind === "TIMESTAMP" || (isLocal && own.kind === "TIMESTAMP");
  const step = expect(name, count, INT64);
  assertRepeatable(name, [start, step]);
  const times = (factor: number | string) => `${step.sql} * ${sign === -1 ? "-" : ""}${factor}`;
  const [month, day, micros] = [
    months[part],
    part === "DAY" && isTimestamp ? undefined : days[part],
    microseconds[part],
  ];
  const range =
    { DATE: "dates", TIME: "", TIMESTAMP: "timestamps" }[type.kind as "DATE" | "TIME" | "TIMESTAMP"] ??
    "datetimes";
  const checked = (sql: string) => (range === "" ? sql : `googlesql_in_${range}(${sql})`);
  if (month !== undefined && !isTimestamp && type.kind !== "TIME") {
    const moved = `${start.sql} + to_months(CAST(${times(month)} AS INTEGER))`;
    return { sql: checked(type.kind === "DATE" ? `CAST(${moved} AS DATE)` : `(${moved})`), type };
  }
  if (day !== undefined && !isTimestamp && type.kind !== "TIME") {
    const moved =
      type.kind === "DATE"
        ? `${start.sql} + CAST(${times(day)} AS INTEGER)`
        : `${start.sql} + to_days(CAST(${times(day)} AS INTEGER))`;
    return { sql: checked(`(${moved})`), type };
  }
  if (micros === undefined || type.kind === "DATE")
    throw new Refusal(part, `${name} does not know this part for ${typeName(type)}`);
  return { sql: checked(`(${start.sql} + to_microseconds(${times(micros)}))`), type };
}

/** An interval as a value. */
export function intervalValue({ count, part }: Interval): Term {
  const step = expect("INTERVAL", count, INT64).sql;
  const [month, day, micros] = [months[part], days[part], microseconds[part]];
  if (month !== undefined) return { sql: `to_months(CAST(${step} * ${month} AS INTEGER))`, type: INTERVAL };
  if (day !== undefined) return { sql: `to_days(CAST(${step} * ${day} AS INTEGER))`, type: INTERVAL };
  if (micros !== undefined) return { sql: `to_microseconds(${step} * ${micros})`, type: INTERVAL };
  throw new Refusal(part, "it is no part of an INTERVAL");
}

export function lastDay(value: Term, part: DatePart): Term {
  const date = localTime(
    "LAST_DAY",
    value.written?.kind === "text" ? expect("LAST_DAY", value, DATE) : value,
  ).sql;
  assertRepeatable("LAST_DAY", [value]);
  if (value.type.kind === "TIMESTAMP") throw new Refusal("LAST_DAY", "it does not take TIMESTAMP");
  if (part.name === "WEEK" || part.name === "ISOWEEK")
    return { sql: `(CAST(googlesql_week_start(${date}, ${part.firstDay}) AS DATE) + 6)`, type: DATE };
  const next = { MONTH: 1, QUARTER: 3, YEAR: 12 }[part.name];
  if (next === undefined) throw new Refusal(part.name, "LAST_DAY does not know this part");
  return {
    sql: `(CAST(date_trunc('${part.name.toLowerCase()}', ${date}) + to_months(${next}) AS DATE) - 1)`,
    type: DATE,
  };
}
