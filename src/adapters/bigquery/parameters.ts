import { isJsonObject, type JsonObject, type JsonValue } from "../../core/json.ts";
import { type ParameterType, typeOfParameter } from "../../core/parameter-type.ts";
import { refusal } from "./errors.ts";

/** A type as BigQuery's REST interface writes it. */
export interface WrittenType {
  readonly type: string;
  readonly arrayType?: WrittenType | undefined;
  readonly structTypes?: readonly { readonly name: string; readonly type: WrittenType }[] | undefined;
}

interface WrittenValue {
  readonly value?: string | null;
  readonly arrayValues?: readonly WrittenValue[];
  readonly structValues?: Readonly<Record<string, WrittenValue>>;
}

export interface QueryParameter {
  readonly name: string;
  readonly parameterType: WrittenType;
  readonly parameterValue: WrittenValue;
}

/**
 * Named parameters of a query, with the types that their JSON has. Throws `SQL_FAILED` for what BigQuery can't take.
 */
export function queryParameters(parameters: JsonObject): readonly QueryParameter[] {
  return Object.entries(parameters).map(([name, value]) => {
    const type = typeOfParameter(`@${name}`, value);
    return {
      name,
      parameterType: writtenType(name, type),
      parameterValue: writtenValue(type, value),
    };
  });
}

/** Null, and the items of an empty list, are text for want of anything better: see `untyped-parameters.ts`. */
function writtenType(name: string, type: ParameterType): WrittenType {
  switch (type.kind) {
    case "null":
    case "text":
      return { type: "STRING" };
    case "boolean":
      return { type: "BOOL" };
    case "integer":
      return { type: "INT64" };
    case "real":
      return { type: "FLOAT64" };
    case "list":
      if (type.items.kind === "list")
        throw refusal(
          "SQL_FAILED",
          `@${name} is a list of lists, which BigQuery has not: use a list of objects`,
        );
      return { type: "ARRAY", arrayType: writtenType(name, type.items) };
    case "struct":
      return {
        type: "STRUCT",
        structTypes: type.fields.map((field) => ({
          name: field.name,
          type: writtenType(`${name}.${field.name}`, field.type),
        })),
      };
  }
}

function writtenValue(type: ParameterType, value: JsonValue): WrittenValue {
  if (type.kind === "list" && Array.isArray(value))
    return { arrayValues: value.map((item) => writtenValue(type.items, item)) };
  if (type.kind === "struct" && isJsonObject(value))
    return {
      structValues: Object.fromEntries(
        type.fields.map((field) => [
          field.name,
          writtenValue(field.type, Object.hasOwn(value, field.name) ? (value[field.name] ?? null) : null),
        ]),
      ),
    };
  return { value: value === null ? null : String(value) };
}
