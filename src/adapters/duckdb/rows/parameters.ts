import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { isJsonObject, type JsonObject, type JsonValue } from "../../../core/values/json.ts";
import { inferParameterType, type ParameterType } from "../../../core/values/parameter-type.ts";

type DuckDb = typeof import("@duckdb/node-api");

interface ParameterBinding {
  readonly values: Record<string, DuckDBValue>;
  /** Without types, the client infers the type of a list from its first item. */
  readonly types: Record<string, DuckDBType>;
}

/** Converts parameters for DuckDB, with the same types as for BigQuery. Throws `SQL_FAILED`. */
export function bindParameters(duckdb: DuckDb, parameters: JsonObject): ParameterBinding {
  const bound = Object.entries(parameters).map(([name, value]) => {
    const type = inferParameterType(`$${name}`, value);
    return { name, type: toDuckDbType(duckdb, type), value: toDuckDbValue(duckdb, type, value) };
  });
  return {
    values: Object.fromEntries(bound.map(({ name, value }) => [name, value])),
    types: Object.fromEntries(bound.map(({ name, type }) => [name, type])),
  };
}

function toDuckDbType(duckdb: DuckDb, type: ParameterType): DuckDBType {
  switch (type.kind) {
    case "null":
      return duckdb.SQLNULL;
    case "text":
      return duckdb.VARCHAR;
    case "boolean":
      return duckdb.BOOLEAN;
    case "integer":
      return duckdb.BIGINT;
    case "real":
      return duckdb.DOUBLE;
    case "list":
      return duckdb.LIST(toDuckDbType(duckdb, type.items));
    case "struct":
      return duckdb.STRUCT(
        Object.fromEntries(type.fields.map((field) => [field.name, toDuckDbType(duckdb, field.type)])),
      );
  }
}

function toDuckDbValue(duckdb: DuckDb, type: ParameterType, value: JsonValue): DuckDBValue {
  if (type.kind === "list" && Array.isArray(value))
    return duckdb.listValue(value.map((item) => toDuckDbValue(duckdb, type.items, item)));
  if (type.kind === "struct" && isJsonObject(value))
    return duckdb.structValue(
      Object.fromEntries(
        type.fields.map((field) => [
          field.name,
          toDuckDbValue(
            duckdb,
            field.type,
            Object.hasOwn(value, field.name) ? (value[field.name] ?? null) : null,
          ),
        ]),
      ),
    );
  if (type.kind === "integer" && typeof value === "number") return BigInt(value);
  return typeof value === "object" ? null : value;
}
