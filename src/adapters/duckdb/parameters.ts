import type { DuckDBType, DuckDBValue } from "@duckdb/node-api";
import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { type ParameterType, typeOfParameter } from "../../core/parameter-type.ts";

type DuckDb = typeof import("@duckdb/node-api");

export interface BoundParameters {
  readonly values: Record<string, DuckDBValue>;
  /** Without them, the client goes by the first item of a list alone. */
  readonly types: Record<string, DuckDBType>;
}

/** Parameters as DuckDB takes them, with the types that BigQuery gives them too. Throws `SQL_FAILED`. */
export function boundParameters(duckdb: DuckDb, parameters: JsonObject): BoundParameters {
  const bound = Object.entries(parameters).map(([name, value]) => {
    const type = typeOfParameter(`$${name}`, value);
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
