import type { Call } from "../expressions/calls.ts";
import { Refusal } from "../refusal.ts";
import { convert, fill, isNull, type Term } from "../terms.ts";
import * as types from "../types.ts";
import { isSameType, type Type, typeName } from "../types.ts";

/** One form of a function: its arguments, its result, and DuckDB's expression for it. */
interface Signature {
  readonly args: readonly Type[];
  readonly result: Type;
  readonly template: string;
}

export type Signatures = ReadonlyMap<string, readonly Signature[]>;

/**
 * Reads signatures such as `LENGTH(STRING) INT64 = length($1)`, one a line. Names before the parenthesis that are
 * divided by `|` are the same function.
 */
export function readSignatures(lines: string): Signatures {
  const found = new Map<string, Signature[]>();
  for (const line of lines.split("\n").filter((text) => text.trim() !== "")) {
    const match = /^\s*([\w.|]+)\(([^)]*)\) (\S+) = (.*)$/.exec(line);
    if (!match) throw new Error(`no signature: ${line}`);
    const [, names = "", args = "", result = "", template = ""] = match;
    const signature = {
      args: args.split(",").flatMap((arg) => (arg.trim() === "" ? [] : [readType(arg.trim())])),
      result: readType(result),
      template,
    };
    for (const name of names.split("|")) found.set(name, [...(found.get(name) ?? []), signature]);
  }
  return found;
}

const named: Readonly<Record<string, Type>> = {
  BOOL: types.BOOL,
  BYTES: types.BYTES,
  DATE: types.DATE,
  DATETIME: types.DATETIME,
  FLOAT64: types.FLOAT64,
  INT64: types.INT64,
  JSON: types.JSON_TYPE,
  LOCAL: types.TIMESTAMP_OR_DATETIME,
  NUMERIC: types.NUMERIC,
  STRING: types.STRING,
  TIME: types.TIME,
  TIMESTAMP: types.TIMESTAMP,
};

function readType(text: string): Type {
  if (text.endsWith("[]")) return types.arrayOf(readType(text.slice(0, -2)));
  const type = named[text];
  if (!type) throw new Error(`no type: ${text}`);
  return type;
}

/** Calls the form that fits the arguments. Refuses arguments that fit none. */
export function callSignature({ name }: Call, forms: readonly Signature[], args: readonly Term[]): Term {
  const ofLength = forms.filter((form) => form.args.length === args.length);
  const exact = ofLength.find((form) => form.args.every((type, index) => isExact(args[index], type)));
  const chosen = exact ?? ofLength.find((form) => form.args.every((type, index) => fits(args[index], type)));
  if (!chosen)
    throw new Refusal(
      name,
      `it does not take (${args.map(({ type }) => typeName(type)).join(", ")}) here${remedy(args)}`,
    );
  const converted = chosen.args.flatMap((type, index) => {
    const arg = args[index];
    return arg ? [convert(arg, type) ?? arg] : [];
  });
  return fill(name, chosen.template, converted, chosen.result);
}

function isExact(arg: Term | undefined, type: Type): boolean {
  return arg !== undefined && !isNull(arg) && isSameType(arg.type, type);
}

function fits(arg: Term | undefined, type: Type): boolean {
  return arg !== undefined && convert(arg, type) !== undefined;
}

function remedy(args: readonly Term[]): string {
  return args.some(({ type }) => type.kind === "TIMESTAMP_OR_DATETIME")
    ? "; write TIMESTAMP(column) or DATETIME(column) for a column that may be either"
    : "";
}
