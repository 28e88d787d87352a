import { type Interval, intervalValue, lastDay, shift } from "../library/date-arithmetic.ts";
import { extract } from "../library/dates.ts";
import { callFunction } from "../library/functions.ts";
import { like, likeList } from "../library/texts.ts";
import type { Names } from "../queries/surroundings.ts";
import { Refusal } from "../refusal.ts";
import { fieldOf } from "../structs.ts";
import { assertRepeatable, type Context, expect, nullTerm, type Term, unify } from "../terms.ts";
import { isRecord, Node } from "../tree.ts";
import * as types from "../types.ts";
import { aggregate, isAggregate } from "./aggregates.ts";
import { callOf, datePart, fieldPart } from "./calls.ts";
import { cast, castNode, readType } from "./casts.ts";
import { boolean, literal } from "./literals.ts";
import { inList } from "./membership.ts";
import { array, arrayOfType, struct, subscript } from "./nested.ts";
import {
  arithmeticTerm,
  asTexts,
  between,
  bitShift,
  bits,
  calculate,
  compare,
  comparison,
  concatenation,
  integer,
  isComparison,
  isTest,
  logic,
  negate,
} from "./operators.ts";
import { windowTerm } from "./windows.ts";

type Read = (node: Node, context: Context, names: Names) => Term;

/** How each kind of the parser's nodes is read. Other kinds are function calls, or are refused. */
const readers: Readonly<Record<string, Read>> = {
  add: addition,
  and: logic,
  array,
  array_func: array,
  between,
  bitwise_and: bits,
  bitwise_left_shift: bitShift,
  bitwise_not: bits,
  bitwise_or: bits,
  bitwise_right_shift: bitShift,
  bitwise_xor: bits,
  boolean,
  case: caseTerm,
  cast: typedOrCast,
  column: (node, _, names) => column(node, names),
  concat: joined,
  div: arithmeticTerm,
  dot,
  exists,
  extract: extractTerm,
  in: inList,
  interval: (node, context) => intervalValue(interval(node, context)),
  is_false: isTest,
  is_null: isTest,
  is_true: isTest,
  last_day: lastDayTerm,
  like: likeTerm,
  literal,
  mul: arithmeticTerm,
  neg: negate,
  not: logic,
  null: () => nullTerm,
  or: logic,
  paren: (node, context) => {
    const inner = node.node("this");
    node.end("(");
    return context.operand(inner);
  },
  safe_cast: typedOrCast,
  struct,
  sub: addition,
  subquery: scalarQuery,
  subscript,
  tuple: struct,
  window_function: windowTerm,
};

/** Analyzes an expression: its SQL for DuckDB and its type. Refuses what is not known to mean the same. */
export function expression(node: Node, names: Names, context: Context): Term {
  const read = readers[node.kind];
  if (read) return read(node, context, names);
  if (isComparison(node)) return comparison(node, context);
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
  if (template.startsWith("quantile_")) throw new Refusal(node.text("name"), "it needs OVER");
  return { sql: template.replaceAll("{over}", ""), type };
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

/** `INTERVAL n PART`. The parser writes a number in it as a text, so that it looks like a text. */
function interval(node: Node, context: Context): Interval {
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
  const quantifier = node.has("quantifier") ? node.text("quantifier") : undefined;
  const isNot = node.flag("not");
  node.end("LIKE");
  const sql = quantifier
    ? likeList(context.term(value), patterns(pattern, context), quantifier)
    : like(context.term(value), context.term(pattern));
  return { sql: isNot ? `(NOT ${sql})` : sql, type: types.BOOL };
}

function patterns(list: Node, context: Context): readonly Term[] {
  if (list.kind !== "tuple" && list.kind !== "paren")
    throw new Refusal("LIKE", "its patterns are supported as a list, such as LIKE ANY ('a%', 'b%')");
  const items = list.kind === "paren" ? [list.node("this")] : list.nodes("expressions");
  list.end("LIKE");
  return items.map((item) => context.term(item));
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
    const term = inner.kind === "array" ? arrayOfType(inner, context, type) : struct(inner, context);
    return cast("type", term, type);
  }
  return castNode(node, context);
}

function isDecimal(raw: unknown): boolean {
  return isRecord(raw) && raw.data_type === "decimal";
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
