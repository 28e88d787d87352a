import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import type { JsonValue } from "../../../core/values/json.ts";
import { decimalOrText, numberOrText, parseStoredJson } from "../../../core/values/json-text.ts";
import { doubleToJson, intervalText, timeTextToJson } from "../../../core/values/sql-json.ts";
import { isoTimeFromMicroseconds } from "../../../core/values/time.ts";

import { wellKnownText } from "./geometry.ts";

type DuckDb = typeof import("@duckdb/node-api");

/** Converts values of one type to the JSON of docs/values.md. A VARIANT has no type but the one of each value. */
export function jsonConverter(duckdb: DuckDb, type: DuckDBType): (value: DuckDBValue) => JsonValue {
  return (value) => toJson(duckdb, value, type);
}

function toJson(duckdb: DuckDb, value: DuckDBValue, type: DuckDBType | undefined): JsonValue {
  if (value === null) return isList(duckdb, type) ? [] : null;
  if (typeof value === "string") return type?.alias === "JSON" ? parseStoredJson(value) : value;
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return doubleToJson(value);
  if (typeof value === "bigint") return numberOrText(value.toString());
  if (value instanceof duckdb.DuckDBDecimalValue) return decimalOrText(value.toString());
  if (value instanceof duckdb.DuckDBGeometryValue) return wellKnownText(value.bytes);
  if (value instanceof duckdb.DuckDBBlobValue) return Buffer.from(value.bytes).toString("base64");
  return timeToJson(duckdb, value) ?? nestedToJson(duckdb, value, type) ?? value.toString();
}

/** BigQuery does not distinguish an empty array from NULL in its answers. */
function isList(duckdb: DuckDb, type: DuckDBType | undefined): boolean {
  return type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBArrayType;
}

function timeToJson(duckdb: DuckDb, value: DuckDBValue): JsonValue | undefined {
  if (value instanceof duckdb.DuckDBTimestampTZValue) return instantToJson(duckdb, value.micros);
  // The client writes infinite dates as days of the years 5881580 and -5877641.
  if (value instanceof duckdb.DuckDBDateValue && !value.isFinite)
    return value.days > 0 ? "infinity" : "-infinity";
  if (value instanceof duckdb.DuckDBIntervalValue) return intervalText(value);
  if (
    value instanceof duckdb.DuckDBTimestampValue ||
    value instanceof duckdb.DuckDBTimestampSecondsValue ||
    value instanceof duckdb.DuckDBTimestampMillisecondsValue ||
    value instanceof duckdb.DuckDBTimestampNanosecondsValue ||
    value instanceof duckdb.DuckDBTimeValue ||
    value instanceof duckdb.DuckDBTimeNSValue ||
    value instanceof duckdb.DuckDBTimeTZValue
  )
    return timeTextToJson(value.toString());
  return undefined;
}

/** Not by the client's own text, which is in the time zone of the machine. */
function instantToJson(duckdb: DuckDb, micros: bigint): string {
  const withoutZone = new duckdb.DuckDBTimestampValue(micros);
  if (!withoutZone.isFinite) return withoutZone.toString();
  return isoTimeFromMicroseconds(micros) ?? `${timeTextToJson(withoutZone.toString())}Z`;
}

function nestedToJson(
  duckdb: DuckDb,
  value: DuckDBValue,
  type: DuckDBType | undefined,
): JsonValue | undefined {
  const convert = (item: DuckDBValue, itemType: DuckDBType | undefined) => toJson(duckdb, item, itemType);
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue) {
    const isTyped = type instanceof duckdb.DuckDBListType || type instanceof duckdb.DuckDBArrayType;
    const itemType = isTyped ? type.valueType : undefined;
    return value.items.map((item) => convert(item, itemType));
  }
  if (value instanceof duckdb.DuckDBStructValue) {
    const typeOf = (name: string) =>
      type instanceof duckdb.DuckDBStructType ? type.typeForEntry(name) : undefined;
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, item]) => [name, convert(item, typeOf(name))]),
    );
  }
  if (value instanceof duckdb.DuckDBMapValue) {
    const types = type instanceof duckdb.DuckDBMapType ? type : undefined;
    return value.entries.map((entry) => ({
      key: convert(entry.key, types?.keyType),
      value: convert(entry.value, types?.valueType),
    }));
  }
  if (value instanceof duckdb.DuckDBUnionValue) {
    const types = type instanceof duckdb.DuckDBUnionType ? type : undefined;
    return convert(value.value, types?.memberTypeForTag(value.tag));
  }
  if (value instanceof duckdb.DuckDBVariantValue) return convert(value.value, undefined);
  return undefined;
}
