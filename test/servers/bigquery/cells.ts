import type { DuckDBValue } from "@duckdb/node-api";
import { BigQueryProblem } from "./problems.ts";
import type { Field } from "./types.ts";

export interface Format {
  /** `formatOptions.useInt64Timestamp`: microseconds. Otherwise a TIMESTAMP is seconds, as a double. */
  readonly useInt64Timestamp: boolean;
}

/** A value as the REST answers have it. */
export function cellOf(field: Field, value: DuckDBValue, format: Format): { readonly v: unknown } {
  if (value === null) return { v: field.mode === "REPEATED" ? [] : null };
  if (field.mode === "REPEATED")
    return { v: itemsOf(value).map((item) => cellOf({ ...field, mode: "NULLABLE" }, item, format)) };
  if (field.type === "RECORD") {
    const entries = entriesOf(value);
    return {
      v: { f: (field.fields ?? []).map((entry) => cellOf(entry, entries[entry.name] ?? null, format)) },
    };
  }
  if (field.type === "TIMESTAMP" && !format.useInt64Timestamp)
    return { v: (Number((value as { micros: bigint }).micros) / 1e6).toExponential().replace("e+", "E") };
  if (field.type !== "RANGE") return { v: textOf(field.type, value) };
  const { range_start = null, range_end = null } = entriesOf(value);
  const type = field.rangeElementType?.type ?? "";
  const ends = [range_start, range_end].map((end) => (end === null ? "UNBOUNDED" : textOf(type, end)));
  return { v: `[${ends.join(", ")})` };
}

/** Rows with NULL inside an array can be computed, but are no result. */
export function refuseNullItems(fields: readonly Field[], rows: readonly (readonly DuckDBValue[])[]): void {
  for (const [index, field] of fields.entries())
    if (rows.some((row) => hasNullItem(field, row[index] ?? null)))
      throw new BigQueryProblem(
        400,
        "invalidQuery",
        `Array cannot have a null element; error in writing field ${field.name}`,
      );
}

function hasNullItem(field: Field, value: DuckDBValue): boolean {
  if (value === null) return false;
  if (field.mode === "REPEATED")
    return itemsOf(value).some((item) => item === null || hasNullItem({ ...field, mode: "NULLABLE" }, item));
  if (field.type !== "RECORD") return false;
  const entries = entriesOf(value);
  return (field.fields ?? []).some((entry) => hasNullItem(entry, entries[entry.name] ?? null));
}

function itemsOf(value: DuckDBValue): readonly DuckDBValue[] {
  return (value as { items: readonly DuckDBValue[] }).items;
}

function entriesOf(value: DuckDBValue): Readonly<Record<string, DuckDBValue>> {
  return (value as { entries: Readonly<Record<string, DuckDBValue>> }).entries;
}

const texts: Readonly<Record<string, (value: DuckDBValue) => string>> = {
  FLOAT: (value) => (Object.is(value, -0) ? "-0.0" : String(value)),
  BYTES: (value) => Buffer.from((value as { bytes: Uint8Array }).bytes).toString("base64"),
  TIMESTAMP: (value) => String((value as { micros: bigint }).micros),
  DATETIME: (value) => withSixDigits(String(value).replace(" ", "T")),
  TIME: (value) => withSixDigits(String(value)),
  INTERVAL: (value) => intervalText(value as { months: number; days: number; micros: bigint }),
  GEOGRAPHY: (value) => pointText((value as { bytes: Uint8Array }).bytes),
};

function textOf(type: string, value: DuckDBValue): string {
  return texts[type]?.(value) ?? String(value);
}

/** A fraction has six digits, or is left out. */
function withSixDigits(text: string): string {
  return text.replace(/\.\d+/, (digits) => digits.padEnd(7, "0"));
}

/** `Y-M D H:M:S[.F]`: each of the three parts has its own sign. */
function intervalText({ months, days, micros }: { months: number; days: number; micros: bigint }): string {
  const years = `${months < 0 ? "-" : ""}${Math.floor(Math.abs(months) / 12)}-${Math.abs(months) % 12}`;
  const size = Number(micros < 0n ? -micros : micros);
  const [seconds, rest] = [Math.floor(size / 1e6), size % 1e6];
  const time = `${Math.floor(seconds / 3600)}:${Math.floor(seconds / 60) % 60}:${seconds % 60}`;
  const digits = rest === 0 ? "" : `.${String(rest).padStart(6, "0")}`;
  return `${years} ${days} ${micros < 0n ? "-" : ""}${time}${digits}`;
}

function pointText(wkb: Uint8Array): string {
  const view = new DataView(wkb.buffer, wkb.byteOffset, wkb.byteLength);
  if (view.getUint32(1, true) !== 1) throw new Error("of GEOGRAPHY there are only points here");
  return `POINT(${view.getFloat64(5, true)} ${view.getFloat64(13, true)})`;
}
