import type { JsonObject, JsonValue } from "../../core/json.ts";
import { refusal } from "./errors.ts";

interface ParameterType {
  readonly type: string;
  readonly arrayType?: ParameterType;
  readonly structTypes?: readonly { readonly name: string; readonly type: ParameterType }[];
}

interface ParameterValue {
  readonly value?: string | null;
  readonly arrayValues?: readonly ParameterValue[];
  readonly structValues?: Readonly<Record<string, ParameterValue>>;
}

/** Named parameters of a query, with the types that their JSON has. Throws `SQL_FAILED` for a list of mixed types. */
export function queryParameters(parameters: JsonObject): readonly unknown[] {
  return Object.entries(parameters).map(([name, value]) => {
    const type = typeOf(name, value);
    return { name, parameterType: type, parameterValue: boundValue(value) };
  });
}

/** Null is text for want of anything better; BigQuery converts it where another type is expected. */
function typeOf(name: string, value: JsonValue): ParameterType {
  if (value === null || typeof value === "string") return { type: "STRING" };
  if (typeof value === "boolean") return { type: "BOOL" };
  if (typeof value === "number") return { type: Number.isSafeInteger(value) ? "INT64" : "FLOAT64" };
  if (Array.isArray(value)) return { type: "ARRAY", arrayType: elementType(name, value) };
  const fields = Object.entries(value);
  return {
    type: "STRUCT",
    structTypes: fields.map(([field, item]) => ({ name: field, type: typeOf(`${name}.${field}`, item) })),
  };
}

function elementType(name: string, values: readonly JsonValue[]): ParameterType {
  const types = new Map(
    values
      .filter((value) => value !== null)
      .map((value) => typeOf(name, value))
      .map((type) => [JSON.stringify(type), type]),
  );
  const [first, ...others] = types.values();
  if (!first) return { type: "STRING" };
  if (others.length === 0) return first;
  const isNumeric = [...types.values()].every(({ type }) => type === "INT64" || type === "FLOAT64");
  if (isNumeric) return { type: "FLOAT64" };
  throw refusal("SQL_FAILED", `The list @${name} mixes types: a list of BigQuery has one`);
}

function boundValue(value: JsonValue): ParameterValue {
  if (value === null) return { value: null };
  if (Array.isArray(value)) return { arrayValues: value.map(boundValue) };
  if (typeof value !== "object") return { value: String(value) };
  return {
    structValues: Object.fromEntries(Object.entries(value).map(([name, item]) => [name, boundValue(item)])),
  };
}
