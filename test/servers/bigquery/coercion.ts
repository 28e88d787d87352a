import { type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { BigQueryProblem } from "./problems.ts";
import type { ParameterType } from "./types.ts";

const scalars: ReadonlyMap<DuckDBTypeId, string> = new Map([
  [DuckDBTypeId.BOOLEAN, "BOOL"],
  [DuckDBTypeId.TINYINT, "INT64"],
  [DuckDBTypeId.SMALLINT, "INT64"],
  [DuckDBTypeId.INTEGER, "INT64"],
  [DuckDBTypeId.BIGINT, "INT64"],
  [DuckDBTypeId.HUGEINT, "INT64"],
  [DuckDBTypeId.FLOAT, "FLOAT64"],
  [DuckDBTypeId.DOUBLE, "FLOAT64"],
  [DuckDBTypeId.DECIMAL, "NUMERIC"],
  [DuckDBTypeId.VARCHAR, "STRING"],
  [DuckDBTypeId.DATE, "DATE"],
  [DuckDBTypeId.TIME, "TIME"],
  [DuckDBTypeId.TIMESTAMP, "DATETIME"],
  [DuckDBTypeId.TIMESTAMP_TZ, "TIMESTAMP"],
]);

/** The type that a parameter is given by its place in the text. */
export function inferredType(type: DuckDBType | undefined): ParameterType {
  if (type && "valueType" in type && type.typeId === DuckDBTypeId.LIST)
    return { type: "ARRAY", arrayType: inferredType(type.valueType) };
  return { type: (type && scalars.get(type.typeId)) ?? "INT64" };
}

/**
 * GoogleSQL coerces a STRING parameter to dates and times only, and a number to wider numbers:
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#parameter_coercion
 * A null has the type that it is declared with.
 */
export function requireCoercible(declared: ParameterType, place: DuckDBType | undefined): void {
  if (!place) return;
  const expected = inferredType(place);
  const [from, to] = declared.arrayType
    ? [declared.arrayType.type, expected.arrayType?.type ?? ""]
    : [declared.type, expected.type];
  const isWell = from === to || (declared.arrayType ? false : (coercions[from] ?? []).includes(to));
  if (isWell || from === "STRUCT" || to === "") return;
  const types = declared.arrayType ? `ARRAY<${from}>, ${to}` : `${to}, ${from}`;
  throw new BigQueryProblem(400, "invalidQuery", `No matching signature for argument types: ${types}`);
}

const numbers: readonly string[] = ["INT64", "FLOAT64", "NUMERIC"];
const coercions: Readonly<Record<string, readonly string[]>> = {
  STRING: ["DATE", "TIME", "DATETIME", "TIMESTAMP"],
  // A comparison of different numbers is made by the wider of both.
  INT64: numbers,
  FLOAT64: numbers,
};
