import type { DatePart } from "../expressions/calls.ts";
import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, type Term } from "../terms.ts";
import { arrayOf, DATE, DATETIME, INT64, INTERVAL, TIME, TIMESTAMP, type Type, typeName } from "../types.ts";
import { dayParts, isWritten, localTime, timeParts } from "./dates.ts";

/** DATE_DIFF and DATETIME_DIFF count boundaries. TIMESTAMP_DIFF counts whole parts that have passed. */
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
  const type = shiftedType(value, own);
  const start = type.kind === "TIMESTAMP_OR_DATETIME" ? value : expect(name, value, type);
  const isTimestamp = type.kind === "TIMESTAMP" || (start === value && own.kind === "TIMESTAMP");
  const step = expect(name, count, INT64);
  assertRepeatable(name, [start, step]);
  const times = (factor: number | string) => `${step.sql} * ${sign === -1 ? "-" : ""}${factor}`;
  const moved = movedSql(name, { start: start.sql, type, isTimestamp, part, times });
  const range = ranges[type.kind] ?? "datetimes";
  return { sql: type.kind === "TIME" ? moved : `googlesql_in_${range}(${moved})`, type };
}

const ranges: Readonly<Record<string, string>> = { DATE: "dates", TIMESTAMP: "timestamps" };

/** A value that is written in the text has the type that the function is named after. */
function shiftedType(value: Term, own: Type): Type {
  if (value.type.kind === "UNKNOWN" || value.type.kind === "TIMESTAMP_OR_DATETIME") return value.type;
  return !isWritten(value) && timeTypes.includes(value.type.kind) ? value.type : own;
}

const timeTypes: readonly string[] = ["DATE", "DATETIME", "TIMESTAMP", "TIME"];

interface Move {
  readonly start: string;
  readonly type: Type;
  readonly isTimestamp: boolean;
  readonly part: string;
  readonly times: (factor: number | string) => string;
}

function movedSql(name: string, { start, type, isTimestamp, part, times }: Move): string {
  const isDay = !isTimestamp && type.kind !== "TIME";
  const [month, day, micros] = [months[part], days[part], microseconds[part]];
  if (month !== undefined && isDay) {
    const moved = `${start} + to_months(CAST(${times(month)} AS INTEGER))`;
    return type.kind === "DATE" ? `CAST(${moved} AS DATE)` : `(${moved})`;
  }
  if (day !== undefined && isDay) {
    const count = `CAST(${times(day)} AS INTEGER)`;
    return `(${start} + ${type.kind === "DATE" ? count : `to_days(${count})`})`;
  }
  if (micros === undefined || type.kind === "DATE")
    throw new Refusal(part, `${name} does not know this part for ${typeName(type)}`);
  return `(${start} + to_microseconds(${times(micros)}))`;
}

/** `INTERVAL 3 DAY` outside of a sum with a date. */
export function intervalValue({ count, part }: Interval): Term {
  const step = expect("INTERVAL", count, INT64).sql;
  const [month, day, micros] = [months[part], days[part], microseconds[part]];
  if (month !== undefined) return { sql: `to_months(CAST(${step} * ${month} AS INTEGER))`, type: INTERVAL };
  if (day !== undefined) return { sql: `to_days(CAST(${step} * ${day} AS INTEGER))`, type: INTERVAL };
  if (micros !== undefined) return { sql: `to_microseconds(${step} * ${micros})`, type: INTERVAL };
  throw new Refusal(part, "it is no part of an INTERVAL");
}

export function generateTimestamps(start: Term, end: Term, { count, part }: Interval): Term {
  const name = "GENERATE_TIMESTAMP_ARRAY";
  const unit = microseconds[part];
  if (!unit) throw new Refusal(part, `${name} does not know this part`);
  const [first, last, step] = [
    expect(name, start, TIMESTAMP),
    expect(name, end, TIMESTAMP),
    expect(name, count, INT64),
  ];
  assertRepeatable(name, [first, last, step]);
  return {
    sql: `googlesql_generate_timestamps(${first.sql}, ${last.sql}, ${step.sql} * ${unit})`,
    type: arrayOf(TIMESTAMP),
  };
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
