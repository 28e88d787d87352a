import { TaskError } from "../errors/errors.ts";
import { className, isPlainObject, type JsonValue } from "./json.ts";

/** The type of a query parameter, for which each SQL engine has its own name. */
export type ParameterType =
  | { readonly kind: "null" | "text" | "boolean" | "integer" | "real" }
  | { readonly kind: "list"; readonly items: ParameterType }
  | { readonly kind: "struct"; readonly fields: readonly StructField[] };

interface StructField {
  readonly name: string;
  readonly type: ParameterType;
}

/**
 * The type of a JSON value as a query parameter. The items of a list have one type: among real numbers whole numbers
 * are real, and null has the type of the others. Throws `SQL_FAILED` for values that no engine supports.
 */
export function inferParameterType(name: string, value: JsonValue): ParameterType {
  if (value === null) return { kind: "null" };
  if (typeof value === "string") return { kind: "text" };
  if (typeof value === "boolean") return { kind: "boolean" };
  const other = describeNonJson(value);
  if (other !== undefined)
    throw unsupported(`The parameter ${name} is ${other}, which is not JSON${remedies[other] ?? ""}`);
  if (typeof value === "number") return { kind: Number.isSafeInteger(value) ? "integer" : "real" };
  if (isList(value)) {
    const types = value.map((item) => inferParameterType(name, item));
    return { kind: "list", items: types.reduce((one, other) => common(name, one, other), { kind: "null" }) };
  }
  const fields = Object.entries(value);
  if (fields.length === 0)
    throw unsupported(`The parameter ${name} is an object without fields, which SQL does not have`);
  return {
    kind: "struct",
    fields: fields.map(([field, item]) => ({
      name: field,
      type: inferParameterType(`${name}.${field}`, item),
    })),
  };
}

/** What code without types may pass: as JSON it would be lost or changed. */
function describeNonJson(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : String(value);
  if (value === undefined) return "undefined";
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return Array.isArray(value) || isPlainObject(value) ? undefined : `a ${className(value)}`;
}

const remedies: Readonly<Record<string, string>> = {
  "a bigint": ": pass it as text, and cast it in the SQL",
  "a Date": ": pass its text, as toISOString() gives it",
};

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** The common type of two items of a list. */
function common(name: string, one: ParameterType, other: ParameterType): ParameterType {
  if (one.kind === "null") return other;
  if (other.kind === "null") return one;
  if (one.kind === "list" && other.kind === "list")
    return { kind: "list", items: common(name, one.items, other.items) };
  if (one.kind === "struct" && other.kind === "struct") return commonStruct(name, one.fields, other.fields);
  if (one.kind === other.kind) return one;
  if (isNumber(one) && isNumber(other)) return { kind: "real" };
  const found = [one, other].map(({ kind }) => nouns[kind]).join(" and ");
  throw unsupported(`The list ${name} holds ${found}: a list of SQL has one type`);
}

/** A struct with the fields of both. A field that an item lacks is null there. */
function commonStruct(
  name: string,
  one: readonly StructField[],
  other: readonly StructField[],
): ParameterType {
  const both = one.map((field) => {
    const same = other.find((candidate) => candidate.name === field.name);
    return same ? { name: field.name, type: common(`${name}.${field.name}`, field.type, same.type) } : field;
  });
  const onlyOther = other.filter((field) => !one.some((candidate) => candidate.name === field.name));
  return { kind: "struct", fields: [...both, ...onlyOther] };
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

function unsupported(message: string): TaskError {
  return new TaskError(message, { code: "SQL_FAILED", retryable: false });
}
