import type { DatePart } from "../expressions/calls.ts";
import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, type Term, writtenText } from "../terms.ts";
import { DATE, DATETIME, INT64, quoteText, STRING, TIME, TIMESTAMP, type Type, typeName } from "../types.ts";
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
  DATETIME(INT64, INT64, INT64, INT64, INT64, INT64) DATETIME = googlesql_make_datetime($1, $2, $3, $4, $5, $6)
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

/** DATE, DATETIME, STRING, TIME and TIMESTAMP of a value in a time zone. */
export function inZone(name: string, value: Term, zone: Term): Term {
  const written = zoneSql(name, zone);
  if (name === "STRING") {
    const instant = expect(name, value, TIMESTAMP);
    assertRepeatable(name, [instant]);
    return { sql: `googlesql_timestamp_to_text(${instant.sql}, ${written})`, type: STRING };
  }
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

/** CURRENT_DATE, CURRENT_DATETIME and CURRENT_TIME in a time zone. */
export function currentTime(name: string, zone: Term): Term {
  const local = `timezone(${zoneSql(name, zone)}, now())`;
  if (name === "CURRENT_DATETIME") return { sql: local, type: DATETIME };
  const type = name === "CURRENT_DATE" ? DATE : TIME;
  return { sql: `CAST(${local} AS ${type.kind})`, type };
}

function zoneSql(word: string, zone: Term): string {
  return quoteText(timeZone(word, writtenText(word, "the time zone", zone)));
}

/** The local time of a value, from which parts can be read. */
export function localTime(word: string, value: Term, zone?: Term): Term {
  const { kind } = value.type;
  if (zone)
    return {
      sql: `timezone(${zoneSql(word, zone)}, ${expect(word, value, TIMESTAMP).sql})`,
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

export const dayParts = ["DAY", "WEEK", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR"];
export const timeParts = ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"];

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
  const written = zoneSql(name, zone);
  if (!isDay)
    // The local time does not say which of two equal hours it is, at the end of summer time.
    return {
      sql: `googlesql_truncate_in_zone(${from.sql}, ${written}, ${quoteText(part.name.toLowerCase())})`,
      type,
    };
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

/** Whether a value takes the type that its place needs. */
export function isWritten({ written }: Term): boolean {
  return written?.kind === "text" || written?.kind === "parameter" || written?.kind === "null";
}
