import {
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
} from "@duckdb/node-api";

/** The rows of a DuckDB statement, in the form of the stored answers. */
export async function answerOf(connection: DuckDBConnection, sql: string) {
  const reader = await connection.runAndReadAll(sql);
  const types = reader.columnTypes();
  const rows = reader.getRows().map((row) => row.map((value, index) => canonical(value, types[index])));
  return { types: types.map(typeName), rows };
}

/** The name of a type in GoogleSQL. */
function typeName(type: DuckDBType): string {
  if (type.typeId === DuckDBTypeId.LIST) return `ARRAY<${typeName(type.valueType)}>`;
  if (type.typeId === DuckDBTypeId.STRUCT)
    return `STRUCT<${type.entryTypes.map((entry, at) => fieldType(type.entryNames[at] ?? "", entry)).join(", ")}>`;
  if (type.alias === "JSON") return "JSON";
  const names: Partial<Record<DuckDBTypeId, string>> = {
    [DuckDBTypeId.BIGINT]: "INT64",
    [DuckDBTypeId.BLOB]: "BYTES",
    [DuckDBTypeId.BOOLEAN]: "BOOL",
    [DuckDBTypeId.DATE]: "DATE",
    [DuckDBTypeId.DECIMAL]: "NUMERIC",
    [DuckDBTypeId.DOUBLE]: "FLOAT64",
    [DuckDBTypeId.INTERVAL]: "INTERVAL",
    [DuckDBTypeId.TIME]: "TIME",
    [DuckDBTypeId.TIMESTAMP]: "DATETIME",
    [DuckDBTypeId.TIMESTAMP_TZ]: "TIMESTAMP",
    [DuckDBTypeId.VARCHAR]: "STRING",
  };
  return names[type.typeId] ?? String(type);
}

function fieldType(name: string, type: DuckDBType): string {
  return `${unnamed(name)} ${typeName(type)}`.trim();
}

function unnamed(name: string): string {
  return name.startsWith("_field_") ? "" : name;
}

function canonical(value: DuckDBValue, type: DuckDBType | undefined): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") return type?.alias === "JSON" ? `j:${sortedJson(JSON.parse(value))}` : value;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  return nested(value, type) ?? scalar(value);
}

function scalar(value: DuckDBValue): unknown {
  if (value instanceof DuckDBDecimalValue) return trimmed(value.toString());
  if (value instanceof DuckDBBlobValue) return `b:${Buffer.from(value.bytes).toString("hex")}`;
  if (value instanceof DuckDBTimestampTZValue) return `${datetime(new DuckDBTimestampValue(value.micros))}Z`;
  if (value instanceof DuckDBTimestampValue) return datetime(value);
  if (value instanceof DuckDBIntervalValue) return `i:${value.months} ${value.days} ${value.micros}`;
  return value instanceof DuckDBTimeValue ? fraction(value.toString()) : String(value);
}

function datetime(value: DuckDBTimestampValue): string {
  return fraction(value.toString()).replace(" ", "T");
}

function nested(value: DuckDBValue, type: DuckDBType | undefined): unknown {
  if (value instanceof DuckDBListValue) {
    const item = type?.typeId === DuckDBTypeId.LIST ? type.valueType : undefined;
    return value.items.map((one) => canonical(one, item));
  }
  if (!(value instanceof DuckDBStructValue)) return undefined;
  const types = type?.typeId === DuckDBTypeId.STRUCT ? type.entryTypes : [];
  return { s: Object.values(value.entries).map((one, index) => canonical(one, types[index])) };
}

function trimmed(text: string): string {
  const plain = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return plain === "-0" ? "0" : plain;
}

/** Six digits, as the stored answers have them. */
function fraction(text: string): string {
  const [whole = "", digits] = text.split(".");
  return digits === undefined ? whole : `${whole}.${digits.padEnd(6, "0")}`;
}

function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}: ${sortedJson(item)}`).join(", ")}}`;
}

/** Whether two answers are the same, but for the last digits of fractions. Without ORDER BY, rows have no order. */
export function isSameAnswer(
  one: readonly unknown[][],
  other: readonly unknown[][],
  isOrdered: boolean,
): boolean {
  const sort = (rows: readonly unknown[][]) =>
    isOrdered ? rows : [...rows].sort((a, b) => (text(a) < text(b) ? -1 : 1));
  return isSameValue(sort(one), sort(other));
}

/** For sorting: without digits that may differ. */
function text(row: unknown): string {
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === "number" ? Number(value.toPrecision(12)) : value,
  );
}

function isSameValue(one: unknown, other: unknown): boolean {
  if (typeof one === "number" && typeof other === "number")
    return one === other || Math.abs(one - other) <= 1e-14 * Math.max(Math.abs(one), Math.abs(other));
  if (typeof one === "string" && typeof other === "string" && one.startsWith("j:") && other.startsWith("j:"))
    return isSameValue(JSON.parse(one.slice(2)), JSON.parse(other.slice(2)));
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((item, index) => isSameValue(item, other[index]));
  if (typeof one === "object" && one !== null && typeof other === "object" && other !== null) {
    const [keys, others] = [Object.keys(one).sort(), Object.keys(other).sort()];
    return (
      isSameValue(keys, others) &&
      keys.every((key) => isSameValue(Reflect.get(one, key), Reflect.get(other, key)))
    );
  }
  return one === other;
}
