import { TaskError } from "../errors/errors.ts";
import type { JsonValue } from "./json.ts";

/** The type of a parameter of a query, which every engine has a name of its own for. */
export type ParameterType =
  | { readonly kind: "null" | "text" | "boolean" | "integer" | "real" }
  | { readonly kind: "list"; readonly items: ParameterType }
  | { readonly kind: "struct"; readonly fields: readonly StructField[] };

interface StructField {
  readonly name: string;
  readonly type: ParameterType;
}

/**
 * The type that a JSON value has as a parameter. The items of a list have one type: whole numbers are taken for real
 * numbers among these, and nothing (null) for what it is among. Throws `SQL_FAILED` for what no engine has.
 */
export function inferParameterType(name: string, value: JsonValue): ParameterType {
  if (value === null) return { kind: "null" };
  if (typeof value === "string") return { kind: "text" };
  if (typeof value === "boolean") return { kind: "boolean" };
  if (typeof value === "number") return { kind: Number.isSafeInteger(value) ? "integer" : "real" };
  if (isList(value)) {
    const types = value.map((item) => inferParameterType(name, item));
    return { kind: "list", items: types.reduce((one, other) => common(name, one, other), { kind: "null" }) };
  }
  const fields = Object.entries(value);
  if (fields.length === 0)
    throw wrong(`The parameter ${name} is an object without fields: SQL has none such`);
  return {
    kind: "struct",
    fields: fields.map(([field, item]) => ({
      name: field,
      type: inferParameterType(`${name}.${field}`, item),
    })),
  };
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The type that values of both have in one list. */
function common(name: string, one: ParameterType, other: ParameterType): ParameterType {
  if (one.kind === "null") return other;
  if (other.kind === "null") return one;
  if (one.kind === "list" && other.kind === "list")
    return { kind: "list", items: common(name, one.items, other.items) };
  if (one.kind === "struct" && other.kind === "struct") return commonStruct(name, one.fields, other.fields);
  if (one.kind === other.kind) return one;
  if (isNumber(one) && isNumber(other)) return { kind: "real" };
  const found = [one, other].map(({ kind }) => nouns[kind]).join(" and ");
  throw wrong(`The list ${name} holds ${found}: a list of SQL has one type`);
}

/** With the fields of both: one that an item lacks is null there. */
function commonStruct(
  name: string,
  one: readonly StructField[],
  other: readonly StructField[],
): ParameterType {
  const both = one.map((field) => {
    const same = other.find((candidate) => candidate.name === field.name);
    return same ? { name: field.name, type: common(`${name}.${field.name}`, field.type, same.type) } : field;
  });
  const added = other.filter((field) => !one.some(({ name: known }) => known === field.name));
  return { kind: "struct", fields: [...both, ...added] };
}

function isNumber({ kind }: ParameterType): boolean {
  return kind === "integer" || kind === "real";
}

const nouns: Readonly<Record<ParameterType["kind"], string>> = {
  null: "nulls",
  text: "texts",
  boolean: "booleans",
  integer: "numbers",
  real: "numbers",
  list: "lists",
  struct: "objects",
};

function wrong(message: string): TaskError {
  return new TaskError(message, { code: "SQL_FAILED", retryable: false });
}
