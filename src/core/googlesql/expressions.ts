import { aggregate, isAggregate } from "./aggregates.ts";
import { callOf, datePart, fieldPart } from "./calls.ts";
import { cast, castNode, readType } from "./casts.ts";
import { arrayItem, arrayLiteral } from "./functions/arrays.ts";
import { callFunction } from "./functions/catalog.ts";
import { extract, type Interval, intervalValue, lastDay, shift } from "./functions/dates.ts";
import { like } from "./functions/texts.ts";
import {
  arithmeticTerm,
  asTexts,
  between,
  bits,
  calculate,
  compare,
  comparison,
  concatenation,
  inList,
  integer,
  isComparison,
  isTest,
  logic,
  negate,
} from "./operators.ts";
import { Refusal } from "./refusal.ts";
import { fieldOf, type Scope } from "./scope.ts";
import { assertRepeatable, type Context, expect, nullTerm, type Term, unify } from "./terms.ts";
import { isRecord, Node } from "./tree.ts";
import * as types from "./types.ts";
import { windowTerm } from "./windows.ts";
import { dateFromText, datetimeFromText, timeFromText, timestampFromText } from "./written-times.ts";

/** The values of parameters and names that an expression may use. */
export interface Names {
  readonly scope: Scope;
  readonly parameter: (name: string) => Term;
}

/** Analyzes an expression: its SQL for DuckDB and its type. Refuses what is not known to mean the same. */
export function expression(node: Node, names: Names, context: Context): Term {
  const { kind } = node;
  if (kind === "literal") return literal(node);
  if (kind === "null") return nullTerm;
  if (kind === "boolean") {
    const value = node.flag("value");
    node.end("BOOL");
    return { sql: value ? "true" : "false", type: types.BOOL, written: { kind: "boolean" } };
  }
  if (kind === "paren") {
    const inner = node.node("this");
    node.end("(");
    return context.operand(inner);
  }
  if (kind === "column") return column(node, names);
  if (kind === "dot") return dot(node, context, names);
  if (["add", "sub"].includes(kind)) return addition(node, context);
  if (["mul", "div"].includes(kind)) return arithmeticTerm(node, context);
  if (kind === "neg") return negate(node, context);
  if (isComparison(node)) return comparison(node, context);
  if (["and", "or", "not"].includes(kind)) return logic(node, context);
  if (["is_null", "is_true", "is_false"].includes(kind)) return isTest(node, context);
  if (kind === "between") return between(node, context);
  if (kind === "in") return inList(node, context);
  if (kind === "like") return likeTerm(node, context);
  if (kind === "concat") return joined(node, context);
  if (kind.startsWith("bitwise_") && !kind.endsWith("_agg") && !kind.endsWith("shift"))
    return bits(node, context);
  if (kind === "cast" || kind === "safe_cast") return typedOrCast(node, context);
  if (kind === "case") return caseTerm(node, context);
  if (kind === "extract") return extractTerm(node, context);
  if (kind === "interval") return intervalValue(interval(node, context));
  if (kind === "array_func" || kind === "array") return array(node, context);
  if (kind === "subscript") return subscript(node, context);
  if (kind === "struct" || kind === "tuple") return struct(node, context);
  if (kind === "subquery") return scalarQuery(node, context);
  if (kind === "exists") return exists(node, context);
  if (kind === "last_day") return lastDayTerm(node, context);
  if (kind === "window_function") return windowTerm(node, context);
  if (isAggregate(node)) return aggregateTerm(node, context);
  const call = callOf(node);
  if (call) return callFunction(call, context, interval);
  throw new Refusal(wordOf(node), "it is not supported here");
}

function wordOf(node: Node): string {
  return node.kind.replaceAll("_", " ").toUpperCase();
}

function aggregateTerm(node: Node, context: Context): Term {
  const { template, type } = aggregate(node, context);
  if (template.startsWith("quantile_cont")) throw new Refusal("PERCENTILE_CONT", "it needs OVER");
  return { sql: template.replaceAll("{over}", ""), type };
}

function literal(node: Node): Term {
  const kind = node.text("literal_type");
  const raw = node.raw("value");
  const value = Array.isArray(raw) ? String(raw[0]) : String(raw);
  node.end("literal");
  switch (kind) {
    case "string":
    case "raw_string":
    case "triple_quoted_string":
    case "triple_quoted_raw_string":
      return { sql: types.quoteText(value), type: types.STRING, written: { kind: "text", value } };
    case "number":
      return number(value);
    case "hex_number":
      return integer(BigInt(`0x${value}`));
    case "byte_string": {
      if (!/^[\x20-\x5b\x5d-\x7e]*$/.test(value))
        throw new Refusal("b''", "bytes are supported as plain ASCII without a backslash; use FROM_HEX");
      return { sql: `encode(${types.quoteText(value)})`, type: types.BYTES };
    }
    case "date":
      return { sql: `DATE ${types.quoteText(dateFromText(value))}`, type: types.DATE };
    case "timestamp":
      return { sql: `TIMESTAMPTZ ${types.quoteText(timestampFromText(value))}`, type: types.TIMESTAMP };
    case "datetime":
      return { sql: `TIMESTAMP ${types.quoteText(datetimeFromText(value))}`, type: types.DATETIME };
    case "time":
      return { sql: `TIME ${types.quoteText(timeFromText(value))}`, type: types.TIME };
    default:
      throw new Refusal(value, `a literal of kind ${kind} is not supported here`);
  }
}

function number(text: string): Term {
  if (/^\d+$/.test(text)) return integer(BigInt(text));
  const digits = text.startsWith(".") ? `0${text}` : text;
  if (!Number.isFinite(Number(digits))) throw new Refusal(text, "the number is too large for FLOAT64");
  const sql = /[eE]/.test(digits) ? digits : `${digits}e0`;
  return { sql, type: types.FLOAT64, written: { kind: "real", digits } };
}

function column(node: Node, names: Names): Term {
  const table = node.name("table");
  const name = node.name("name");
  node.raw("join_mark");
  node.end(name);
  if (name.startsWith("@") && table === "") return names.parameter(name.slice(1));
  return names.scope.resolve(table === "" ? [name] : [...table.split("."), name]);
}

function dot(node: Node, context: Context, names: Names): Term {
  const name = node.name("field");
  const path = pathOf(node);
  if (path && names.scope.hasRelation(path[0] ?? "")) return names.scope.resolve(path);
  const inner = context.term(node.node("this"));
  node.end(name);
  return fieldOf(inner, name);
}

/** The names of `a.b.c`. Undefined if there is anything else in it. */
function pathOf(node: Node): readonly string[] | undefined {
  if (node.kind === "column") {
    const table = node.name("table");
    const name = node.name("name");
    if (name.startsWith("@")) return undefined;
    return table === "" ? [name] : [...table.split("."), name];
  }
  if (node.kind !== "dot") return undefined;
  const before = pathOf(node.node("this"));
  return before && [...before, node.name("field")];
}

/** `+` and `-` of numbers, and of dates with days and intervals. */
function addition(node: Node, context: Context): Term {
  const sign = node.kind === "add" ? 1 : -1;
  const [leftNode, rightNode] = [node.node("left"), node.node("right")];
  const operator = sign === 1 ? "+" : "-";
  node.end(operator);
  if (rightNode.kind === "interval")
    return shiftBy(operator, context.term(leftNode), interval(rightNode, context), sign);
  if (leftNode.kind === "interval" && sign === 1)
    return shiftBy(operator, context.term(rightNode), interval(leftNode, context), sign);
  const [left, right] = [context.operand(leftNode), context.operand(rightNode)];
  const isDate = (term: Term) => term.type.kind === "DATE";
  if (isDate(left) && right.type.kind === "INT64")
    return shift(operator, left, { count: right, part: "DAY" }, sign, types.DATE);
  if (isDate(right) && left.type.kind === "INT64" && sign === 1)
    return shift(operator, right, { count: left, part: "DAY" }, 1, types.DATE);
  if (sign === -1 && isDate(left) && isDate(right))
    return { sql: `to_days(CAST(${left.sql} - ${right.sql} AS INTEGER))`, type: types.INTERVAL };
  if (sign === -1 && left.type.kind === "TIMESTAMP" && right.type.kind === "TIMESTAMP")
    return { sql: `to_microseconds(epoch_us(${left.sql}) - epoch_us(${right.sql}))`, type: types.INTERVAL };
  return calculate(operator, left, right);
}

function shiftBy(operator: string, value: Term, by: Interval, sign: 1 | -1): Term {
  const start =
    value.type.kind === "DATE"
      ? { ...value, sql: `CAST(${value.sql} AS TIMESTAMP)`, type: types.DATETIME }
      : value;
  if (!["DATE", "DATETIME", "TIMESTAMP", "TIMESTAMP_OR_DATETIME", "UNKNOWN"].includes(value.type.kind))
    throw new Refusal(operator, `an INTERVAL can't be added to ${types.typeName(value.type)} here`);
  return shift(operator, start, by, sign, start.type);
}

/** `INTERVAL n PART`. The parser writes a number in it as a text, and so it can't be told from a text. */
export function interval(node: Node, context: Context): Interval {
  const count = node.node("this");
  const unit = node.part("unit");
  node.end("INTERVAL");
  if (unit?.raw("type") !== "simple") throw new Refusal("INTERVAL", "write it as INTERVAL 3 DAY");
  unit.flag("use_plural");
  const part = String(unit.raw("unit")).toUpperCase();
  unit.end("INTERVAL");
  const term = context.term(count);
  if (term.written?.kind !== "text") return { count: term, part };
  if (!/^-?\d+$/.test(term.written.value)) throw new Refusal("INTERVAL", "write it as INTERVAL 3 DAY");
  return { count: integer(BigInt(term.written.value)), part };
}

function likeTerm(node: Node, context: Context): Term {
  const [value, pattern] = [node.node("left"), node.node("right")];
  if (node.has("quantifier"))
    throw new Refusal("LIKE", "LIKE ANY, LIKE SOME and LIKE ALL are not supported; write OR and AND");
  const isNot = node.flag("not");
  node.end("LIKE");
  const sql = like(context.term(value), context.term(pattern));
  return { sql: isNot ? `(NOT ${sql})` : sql, type: types.BOOL };
}

function joined(node: Node, context: Context): Term {
  const sides = ["left", "right"].map((side) => context.term(node.node(side)));
  node.end("||");
  return concatenation("||", asTexts("||", sides));
}

/** `STRUCT<a INT64>(1)` and `ARRAY<INT64>[1]` are casts to the parser. */
function typedOrCast(node: Node, context: Context): Term {
  const inner = node.kind === "cast" ? node.optional("this") : undefined;
  if (inner?.kind === "literal" && isDecimal(node.raw("to"))) {
    const text = context.term(inner);
    if (text.written?.kind === "text" && !/^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/.test(text.written.value))
      throw new Refusal(text.written.value, "it is no number");
  }
  if (inner?.kind === "struct" || inner?.kind === "array") {
    const type = readType(node.raw("to"));
    node.end("type");
    return cast("type", literalOf(inner, type, context), type);
  }
  return castNode(node, context);
}

function isDecimal(raw: unknown): boolean {
  return isRecord(raw) && raw.data_type === "decimal";
}

function literalOf(node: Node, type: types.Type, context: Context): Term {
  const term = node.kind === "array" ? array(node, context, type) : struct(node, context);
  return node.kind === "array" && term.type.kind === "ARRAY" && term.written?.kind !== "empty" ? term : term;
}

function caseTerm(node: Node, context: Context): Term {
  const operand = node.optional("operand");
  const value = operand && context.term(operand);
  const whens = node
    .list("whens")
    .map((pair) => (Array.isArray(pair) ? pair.map((item: unknown) => Node.from(item)) : []));
  const otherwise = node.optional("else_");
  node.end("CASE");
  if (value) assertRepeatable("CASE", [value]);
  const conditions = whens.map(([when]) => {
    if (!when) throw new Refusal("CASE", "a branch is missing");
    const term = context.term(when);
    return value ? compare("=", value, term) : expect("CASE", term, types.BOOL);
  });
  const results = [...whens.map(([, then]) => then), otherwise].map((then) =>
    then ? context.term(then) : nullTerm,
  );
  const { type, terms } = unify("CASE", results);
  const branches = conditions.map((condition, index) => `WHEN ${condition.sql} THEN ${terms[index]?.sql}`);
  const isVolatile = results.some((term) => term.isVolatile) && { isVolatile: true };
  return { sql: `(CASE ${branches.join(" ")} ELSE ${terms.at(-1)?.sql} END)`, type, ...isVolatile };
}

function extractTerm(node: Node, context: Context): Term {
  const source = node.node("this");
  const part = fieldPart("EXTRACT", node.raw("field"));
  node.end("EXTRACT");
  if (source.kind !== "at_time_zone") return extract(part, context.term(source));
  const [value, zone] = [context.term(source.node("this")), context.term(source.node("zone"))];
  source.end("AT TIME ZONE");
  return extract(part, value, zone);
}

function lastDayTerm(node: Node, context: Context): Term {
  const value = context.term(node.node("this"));
  const unit = node.raw("unit");
  node.end("LAST_DAY");
  return lastDay(
    value,
    unit === null || unit === undefined
      ? datePart("LAST_DAY", new Node("var", { this: "MONTH" }))
      : fieldPart("LAST_DAY", unit),
  );
}

function array(node: Node, context: Context, wanted?: types.Type): Term {
  const items = node.nodes("expressions").map((item) => context.term(item));
  node.end("[");
  if (items.length === 0)
    return { sql: "[]", type: wanted ?? types.arrayOf(types.INT64), written: { kind: "empty" } };
  if (wanted?.kind === "ARRAY")
    return arrayLiteral(
      items.map((item) => cast("[", item, wanted.item)),
      wanted.item,
    );
  const { type, terms } = unify("[", items);
  return arrayLiteral(terms, type);
}

function subscript(node: Node, context: Context): Term {
  const source = context.term(node.node("this"));
  const index = node.node("index");
  node.end("[");
  const call = index.kind === "function" ? callOf(index) : undefined;
  const how = call && /^(SAFE_)?(OFFSET|ORDINAL)$/.test(call.name) ? call.name : "OFFSET";
  const [position] = call && how === call.name ? call.args : [index];
  if (!position) throw new Refusal(how, "it needs a position");
  return arrayItem(source, context.term(position), how);
}

function struct(node: Node, context: Context): Term {
  const parts =
    node.kind === "tuple"
      ? node.nodes("expressions").map((item) => ({ name: "", item }))
      : node.list("fields").map(fieldPair);
  node.end("STRUCT");
  return structOf(parts.map(({ name, item }) => ({ name, term: context.term(item) })));
}

function fieldPair(raw: unknown): { readonly name: string; readonly item: Node } {
  const [name, item] = Array.isArray(raw) ? raw : [];
  return { name: typeof name === "string" ? name : "", item: Node.from(item) };
}

export function structOf(parts: readonly { readonly name: string; readonly term: Term }[]): Term {
  if (parts.length === 0) throw new Refusal("STRUCT", "an empty STRUCT is not supported");
  const fields = parts.map(({ name, term }) => ({ name, type: term.type }));
  const names = fields.map((field, index) => types.fieldName(field, index).toLowerCase());
  if (new Set(names).size !== names.length)
    throw new Refusal("STRUCT", "two fields of the same name are not supported");
  const sql = parts.map(({ term }, index) => {
    const value = term.written?.kind === "null" ? `CAST(NULL AS ${types.duckDbType(term.type)})` : term.sql;
    return `${types.quoteName(types.fieldName(fields[index] ?? { name: "", type: term.type }, index))} := ${value}`;
  });
  return { sql: `struct_pack(${sql.join(", ")})`, type: { kind: "STRUCT", fields } };
}

function scalarQuery(node: Node, context: Context): Term {
  const query = context.subquery(node);
  const [only, other] = query.columns;
  if (!only || other) throw new Refusal("SELECT", "a query that is used as a value must have one column");
  if (query.struct) return { sql: `(${query.sql})`, type: query.struct };
  return { sql: `(${query.sql})`, type: only.type };
}

function exists(node: Node, context: Context): Term {
  const inner = node.node("this");
  const isNot = node.flag("not");
  node.end("EXISTS");
  return { sql: `${isNot ? "NOT " : ""}EXISTS (${context.subquery(inner).sql})`, type: types.BOOL };
}
