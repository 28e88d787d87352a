import type { DuckDBValue } from "@duckdb/node-api";
import { numberOrText } from "../../core/exact-number.ts";
import type { JsonValue } from "../../core/json.ts";
import { isoTimeOfMicroseconds } from "../../core/time.ts";

type DuckDb = typeof import("@duckdb/node-api");

/** A value of a row as JSON: times in ISO 8601, numbers that a double would change as text. */
export function toJson(duckdb: DuckDb, value: DuckDBValue): JsonValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint")
    return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (value instanceof duckdb.DuckDBDecimalValue) return decimalToJson(value.toString());
  return timeToJson(duckdb, value) ?? nestedToJson(duckdb, value) ?? value.toString();
}

/** Its zeros after the point say its type, not its value. */
function decimalToJson(text: string): JsonValue {
  return numberOrText(text.includes(".") ? text.replace(/\.?0+$/, "") : text);
}

function timeToJson(duckdb: DuckDb, value: DuckDBValue): JsonValue | undefined {
  if (value instanceof duckdb.DuckDBTimestampTZValue && value.isFinite)
    return isoTimeOfMicroseconds(value.micros);
  if (
    value instanceof duckdb.DuckDBTimestampValue ||
    value instanceof duckdb.DuckDBTimestampSecondsValue ||
    value instanceof duckdb.DuckDBTimestampMillisecondsValue ||
    value instanceof duckdb.DuckDBTimestampNanosecondsValue
  )
    return value.toString().replace(" ", "T");
  return undefined;
}

function nestedToJson(duckdb: DuckDb, value: DuckDBValue): JsonValue | undefined {
  if (value instanceof duckdb.DuckDBListValue || value instanceof duckdb.DuckDBArrayValue)
    return value.items.map((item) => toJson(duckdb, item));
  if (value instanceof duckdb.DuckDBStructValue)
    return Object.fromEntries(
      Object.entries(value.entries).map(([name, item]) => [name, toJson(duckdb, item)]),
    );
  if (value instanceof duckdb.DuckDBMapValue)
    return value.entries.map((entry) => ({
      key: toJson(duckdb, entry.key),
      value: toJson(duckdb, entry.value),
    }));
  if (value instanceof duckdb.DuckDBUnionValue) return toJson(duckdb, value.value);
  if (value instanceof duckdb.DuckDBVariantValue) return toJson(duckdb, value.value);
  return undefined;
}
