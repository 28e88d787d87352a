/** A type of GoogleSQL, as far as the translation knows it. */
export type Type =
  | { readonly kind: Simple }
  | { readonly kind: "ARRAY"; readonly item: Type }
  | { readonly kind: "STRUCT"; readonly fields: readonly Field[] };

export interface Field {
  /** Empty for a field without a name. */
  readonly name: string;
  readonly type: Type;
}

type Simple =
  | "BOOL"
  | "BYTES"
  | "DATE"
  | "DATETIME"
  | "FLOAT64"
  | "INT64"
  | "INTERVAL"
  | "JSON"
  | "NUMERIC"
  | "STRING"
  | "TIME"
  | "TIMESTAMP"
  /** A column of DuckDB's TIMESTAMP. In BigQuery it may be a TIMESTAMP or a DATETIME. */
  | "TIMESTAMP_OR_DATETIME"
  /** A type of DuckDB that GoogleSQL does not have. Such a column can only be passed on. */
  | "FOREIGN"
  /** While a text is checked without its tables: of a column. */
  | "UNKNOWN";

const of = <Kind extends Simple>(kind: Kind) => ({ kind }) as const;
export const BOOL = of("BOOL");
export const BYTES = of("BYTES");
export const DATE = of("DATE");
export const DATETIME = of("DATETIME");
export const FLOAT64 = of("FLOAT64");
export const INT64 = of("INT64");
export const INTERVAL = of("INTERVAL");
export const JSON_TYPE = of("JSON");
export const NUMERIC = of("NUMERIC");
export const STRING = of("STRING");
export const TIME = of("TIME");
export const TIMESTAMP = of("TIMESTAMP");
export const TIMESTAMP_OR_DATETIME = of("TIMESTAMP_OR_DATETIME");
const FOREIGN = of("FOREIGN");
export const UNKNOWN = of("UNKNOWN");

export function arrayOf(item: Type): Type {
  return { kind: "ARRAY", item };
}

export function isSameType(one: Type, other: Type): boolean {
  if (one.kind === "ARRAY" && other.kind === "ARRAY") return isSameType(one.item, other.item);
  if (one.kind === "STRUCT" && other.kind === "STRUCT")
    return (
      one.fields.length === other.fields.length &&
      one.fields.every((field, index) => {
        const against = other.fields[index];
        return against !== undefined && isSameType(field.type, against.type);
      })
    );
  return one.kind === other.kind;
}

/** The type as an error names it. */
export function typeName(type: Type): string {
  if (type.kind === "ARRAY") return `ARRAY<${typeName(type.item)}>`;
  if (type.kind === "STRUCT")
    return `STRUCT<${type.fields.map((field) => `${field.name} ${typeName(field.type)}`.trim()).join(", ")}>`;
  if (type.kind === "TIMESTAMP_OR_DATETIME") return "TIMESTAMP or DATETIME";
  return type.kind;
}

const duckDbNames: Readonly<Record<Simple, string>> = {
  BOOL: "BOOLEAN",
  BYTES: "BLOB",
  DATE: "DATE",
  DATETIME: "TIMESTAMP",
  FLOAT64: "DOUBLE",
  INT64: "BIGINT",
  INTERVAL: "INTERVAL",
  JSON: "JSON",
  NUMERIC: "DECIMAL(38, 9)",
  STRING: "VARCHAR",
  TIME: "TIME",
  TIMESTAMP: "TIMESTAMPTZ",
  TIMESTAMP_OR_DATETIME: "TIMESTAMP",
  FOREIGN: "VARCHAR",
  UNKNOWN: "VARCHAR",
};

/** The type that holds the same values in DuckDB. */
export function duckDbType(type: Type): string {
  if (type.kind === "ARRAY") return `${duckDbType(type.item)}[]`;
  if (type.kind === "STRUCT") {
    const fields = type.fields.map(
      (field, index) => `${quoteName(fieldName(field, index))} ${duckDbType(field.type)}`,
    );
    return `STRUCT(${fields.join(", ")})`;
  }
  return duckDbNames[type.kind];
}

/** The name of a field in DuckDB, where each field has one. BigQuery's interface names them in the same way. */
export function fieldName(field: Field, index: number): string {
  return field.name === "" ? `_field_${index + 1}` : field.name;
}

export function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The type of a column that DuckDB describes as `type`. */
export function typeOfColumn(type: string): Type {
  const list = /^(.*)\[\d*\]$/s.exec(type)?.[1];
  if (list !== undefined) return arrayOf(typeOfColumn(list));
  const struct = /^STRUCT\((.*)\)$/s.exec(type)?.[1];
  if (struct !== undefined) return { kind: "STRUCT", fields: splitFields(struct).map(fieldOf) };
  if (/^(U?(TINY|SMALL)INT|U?INTEGER|BIGINT)$/.test(type)) return INT64;
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(type);
  if (decimal) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])];
    return scale <= 9 && precision - scale <= 29 ? NUMERIC : FOREIGN;
  }
  return columnTypes[type] ?? FOREIGN;
}

const columnTypes: Readonly<Record<string, Type>> = {
  BOOLEAN: BOOL,
  BLOB: BYTES,
  DATE,
  DOUBLE: FLOAT64,
  FLOAT: FLOAT64,
  INTERVAL,
  JSON: JSON_TYPE,
  TIME,
  TIMESTAMP: TIMESTAMP_OR_DATETIME,
  "TIMESTAMP WITH TIME ZONE": TIMESTAMP,
  VARCHAR: STRING,
};

function fieldOf(text: string): Field {
  const match = /^\s*(?:"((?:[^"]|"")*)"|(\S+))\s+(.*)$/s.exec(text);
  const name = match?.[1]?.replaceAll('""', '"') ?? match?.[2] ?? "";
  return { name, type: typeOfColumn(match?.[3] ?? "") };
}

/** Splits at the commas outside of parentheses and quotes. */
function splitFields(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let isQuoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isQuoted = !isQuoted;
    if (isQuoted) continue;
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (character !== "," || depth > 0) continue;
    parts.push(text.slice(start, at));
    start = at + 1;
  }
  return [...parts, text.slice(start)];
}
