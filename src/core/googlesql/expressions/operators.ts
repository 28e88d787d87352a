import { Refusal } from "../refusal.ts";
import { assertRepeatable, type Context, expect, isNull, type Term, unify } from "../terms.ts";
import type { Node } from "../tree.ts";
import {
  BOOL,
  BYTES,
  duckDbType,
  FLOAT64,
  INT64,
  NUMERIC,
  STRING,
  type Type,
  typeName,
  UNKNOWN,
} from "../types.ts";
import { cast } from "./casts.ts";

const arithmetic: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/" };

/** Arithmetic. The result of floating-point numbers is checked for an overflow by `context.term`. */
export function arithmeticTerm(node: Node, context: Context): Term {
  const operator = arithmetic[node.kind] ?? "";
  const [left, right] = [context.operand(node.node("left")), context.operand(node.node("right"))];
  node.end(operator);
  return calculate(operator, left, right);
}

export function calculate(operator: string, left: Term, right: Term): Term {
  const { type, terms } = unify(operator, operator === "/" ? divisionOperands(left, right) : [left, right]);
  const [a, b] = terms;
  if (!a || !b) throw new Refusal(operator, "it needs two operands");
  const isVolatile = (left.isVolatile || right.isVolatile) && { isVolatile: true };
  switch (type.kind) {
    case "UNKNOWN":
      return { sql: "NULL", type: UNKNOWN };
    case "INT64":
      return { sql: `(${a.sql} ${operator} ${b.sql})`, type, ...isVolatile };
    case "FLOAT64":
      return floatTerm(operator, a, b);
    case "NUMERIC":
      return numericTerm(operator, a, b);
    default:
      throw new Refusal(operator, `it does not take ${typeName(left.type)} and ${typeName(right.type)} here`);
  }
}

/** Whole numbers are divided as fractions. */
function divisionOperands(left: Term, right: Term): readonly Term[] {
  const isWhole = (term: Term) => term.type.kind === "INT64" || isNull(term);
  if (!isWhole(left) || !isWhole(right)) return [left, right];
  return [expect("/", left, FLOAT64), expect("/", right, FLOAT64)];
}

function floatTerm(operator: string, a: Term, b: Term): Term {
  assertRepeatable(operator, operator === "/" ? [b] : []);
  const isVolatile = a.isVolatile || b.isVolatile;
  const sql =
    operator === "/" && !isNonZero(b)
      ? `googlesql_divide(${a.sql}, ${b.sql})`
      : `(${a.sql} ${operator} ${b.sql})`;
  const operands = [a, b].flatMap((term) => term.operands ?? (term.written ? [] : [term.sql]));
  // A random number is small, and can't be looked at twice.
  return { sql, type: FLOAT64, ...(isVolatile ? { isVolatile: true } : { operands }) };
}

function isNonZero({ written, sql }: Term): boolean {
  return (
    (written?.kind === "real" && Number(written.digits) !== 0) ||
    /^CAST\(CAST\('?[1-9]\d*'? AS BIGINT\) AS DOUBLE\)$/.test(sql)
  );
}

function numericTerm(operator: string, a: Term, b: Term): Term {
  if (operator === "/") {
    assertRepeatable(operator, [a, b]);
    return { sql: `googlesql_numeric_divide(${a.sql}, ${b.sql})`, type: NUMERIC };
  }
  const isVolatile = (a.isVolatile || b.isVolatile) && { isVolatile: true };
  return {
    sql: `CAST((CAST(${a.sql} AS DECIMAL(38, 9)) ${operator} CAST(${b.sql} AS DECIMAL(38, 9))) AS DECIMAL(38, 9))`,
    type: NUMERIC,
    ...isVolatile,
  };
}

export function negate(node: Node, context: Context): Term {
  const inner = node.node("this");
  node.end("-");
  const term = context.term(inner);
  if (term.written?.kind === "integer") return integer(-term.written.value);
  if (term.written?.kind === "real")
    return {
      sql: `(-${term.sql})`,
      type: FLOAT64,
      written: { kind: "real", digits: `-${term.written.digits}` },
    };
  if (!["INT64", "FLOAT64", "NUMERIC", "UNKNOWN"].includes(term.type.kind))
    throw new Refusal("-", `it does not take ${typeName(term.type)}`);
  return { sql: `(- ${term.sql})`, type: term.type, ...(term.isVolatile && { isVolatile: true }) };
}

export function integer(value: bigint): Term {
  if (value > 2n ** 63n || value < -(2n ** 63n))
    throw new Refusal(String(value), "the number is too large for INT64");
  return { sql: `CAST('${value}' AS BIGINT)`, type: INT64, written: { kind: "integer", value } };
}

const comparisons: Readonly<Record<string, string>> = {
  eq: "=",
  neq: "<>",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
  null_safe_eq: "IS NOT DISTINCT FROM",
  null_safe_neq: "IS DISTINCT FROM",
};

export function isComparison(node: Node): boolean {
  return Object.hasOwn(comparisons, node.kind);
}

export function comparison(node: Node, context: Context): Term {
  const operator = comparisons[node.kind] ?? "";
  const [left, right] = [context.term(node.node("left")), context.term(node.node("right"))];
  node.end(operator);
  return compare(operator, left, right);
}

export function compare(operator: string, left: Term, right: Term): Term {
  const { type, terms } = unify(operator, [left, right]);
  const [a, b] = terms;
  if (!a || !b) throw new Refusal(operator, "it needs two operands");
  assertComparable(operator, type);
  const isVolatile = (a.isVolatile || b.isVolatile) && { isVolatile: true };
  if (type.kind !== "FLOAT64" || operator.startsWith("IS"))
    return { sql: `(${a.sql} ${operator} ${b.sql})`, type: BOOL, ...isVolatile };
  return { sql: compareFloats(operator, a, b), type: BOOL, ...isVolatile };
}

/** In GoogleSQL NaN is not even equal to itself. In DuckDB it is the greatest number. */
function compareFloats(operator: string, a: Term, b: Term): string {
  const isPlain = (term: Term) =>
    term.written !== undefined || /^CAST\(.* AS BIGINT\) AS DOUBLE\)$/.test(term.sql);
  if (isPlain(a) && isPlain(b)) return `(${a.sql} ${operator} ${b.sql})`;
  if (operator === "=" && (isPlain(a) || isPlain(b))) return `(${a.sql} = ${b.sql})`;
  assertRepeatable(operator, [a, b]);
  if (operator === "=") return `googlesql_equal(${a.sql}, ${b.sql})`;
  if (operator === "<>") return `(NOT googlesql_equal(${a.sql}, ${b.sql}))`;
  if (operator === "<") return `googlesql_less(${a.sql}, ${b.sql})`;
  if (operator === ">") return `googlesql_less(${b.sql}, ${a.sql})`;
  return operator === "<="
    ? `googlesql_at_most(${a.sql}, ${b.sql})`
    : `googlesql_at_most(${b.sql}, ${a.sql})`;
}

export function assertComparable(operator: string, type: Type): void {
  if (type.kind === "STRUCT") {
    for (const field of type.fields) assertComparable(operator, field.type);
    throw new Refusal(operator, "comparing STRUCT values is not supported; compare their fields");
  }
  if (["ARRAY", "INTERVAL", "JSON", "FOREIGN"].includes(type.kind))
    throw new Refusal(operator, `comparing ${typeName(type)} values is not supported`);
}

/** AND, OR, NOT, IS TRUE … */
export function logic(node: Node, context: Context): Term {
  const operator = node.kind.toUpperCase();
  if (node.kind === "not") {
    const operand = node.node("this");
    // The parser reads both of them as the second one, and they differ.
    if (operand.kind === "like" && operand.has("quantifier"))
      throw new Refusal(
        "NOT",
        "x NOT LIKE ANY (…) is not supported; write NOT (x LIKE ANY (…)), or AND and OR",
      );
    const inner = expect("NOT", context.term(operand), BOOL);
    node.end("NOT");
    return { sql: `(NOT ${inner.sql})`, type: BOOL };
  }
  const sides = ["left", "right"].map((side) => expect(operator, context.term(node.node(side)), BOOL).sql);
  node.end(operator);
  return { sql: `(${sides.join(` ${operator} `)})`, type: BOOL };
}

export function isTest(node: Node, context: Context): Term {
  const what = { is_null: "NULL", is_true: "TRUE", is_false: "FALSE" }[node.kind] ?? "";
  const not = node.flag("not") ? "NOT " : "";
  const inner = context.term(node.node("this"));
  node.end(`IS ${what}`);
  const term = what === "NULL" ? inner : expect(`IS ${what}`, inner, BOOL);
  return { sql: `(${term.sql} IS ${not}${what})`, type: BOOL };
}

/** `||` and CONCAT. */
export function concatenation(word: string, args: readonly Term[]): Term {
  const { type, terms } = unify(word, args);
  if (type.kind !== "ARRAY" && ![STRING.kind, BYTES.kind, UNKNOWN.kind].some((kind) => kind === type.kind))
    throw new Refusal(word, `it takes STRING, BYTES or ARRAY, not ${typeName(type)}; CAST it AS STRING`);
  const isVolatile = args.some((arg) => arg.isVolatile) && { isVolatile: true };
  if (args.some(isNull)) return { sql: `CAST(NULL AS ${duckDbType(type)})`, type };
  if (type.kind !== "ARRAY")
    // With a CAST, because DuckDB gives a text that it finds to be NULL the type INTEGER.
    return {
      sql: `CAST(${terms.map(({ sql }) => sql).join(" || ")} AS ${duckDbType(type)})`,
      type,
      ...isVolatile,
    };
  const joined = terms.map(({ sql }) => sql).reduce((one, other) => `list_concat(${one}, ${other})`);
  assertRepeatable(word, args);
  const isMissing = terms.map(({ sql }) => `${sql} IS NULL`).join(" OR ");
  return { sql: `(CASE WHEN ${isMissing} THEN NULL ELSE ${joined} END)`, type };
}

/** CONCAT and `||` write other values as CAST … AS STRING does. */
export function asTexts(word: string, args: readonly Term[]): readonly Term[] {
  const isOther = (term: Term) =>
    !["STRING", "BYTES", "ARRAY", "UNKNOWN"].includes(term.type.kind) && !isNull(term);
  return args.map((term) => (isOther(term) ? cast(word, term, STRING) : term));
}

const bitwise: Readonly<Record<string, string>> = {
  bitwise_and: "&",
  bitwise_or: "|",
  bitwise_xor: "^",
};

export function bits(node: Node, context: Context): Term {
  if (node.kind === "bitwise_not") {
    const inner = expect("~", context.term(node.node("this")), INT64);
    node.end("~");
    return { sql: `(~ ${inner.sql})`, type: INT64 };
  }
  const operator = bitwise[node.kind] ?? "";
  const sides = ["left", "right"].map((side) => expect(operator, context.term(node.node(side)), INT64).sql);
  node.end(operator);
  return {
    sql: operator === "^" ? `xor(${sides.join(", ")})` : `(${sides.join(` ${operator} `)})`,
    type: INT64,
  };
}

/** `<<` and `>>`, which fill with zeros. */
export function bitShift(node: Node, context: Context): Term {
  const isLeft = node.kind === "bitwise_left_shift";
  const operator = isLeft ? "<<" : ">>";
  const sides = ["left", "right"].map((side) => expect(operator, context.term(node.node(side)), INT64));
  node.end(operator);
  assertRepeatable(operator, sides);
  const args = sides.map(({ sql }) => sql).join(", ");
  return { sql: `googlesql_shift_${isLeft ? "left" : "right"}(${args})`, type: INT64 };
}

export function between(node: Node, context: Context): Term {
  const [value, low, high] = ["this", "low", "high"].map((name) => context.term(node.node(name)));
  const isNot = node.flag("not");
  node.end("BETWEEN");
  if (!value || !low || !high) throw new Refusal("BETWEEN", "it needs three operands");
  assertRepeatable("BETWEEN", [value]);
  const { terms } = unify("BETWEEN", [value, low, high]);
  const [a = value, b = low, c = high] = terms;
  const sql = `(${compare(">=", a, b).sql} AND ${compare("<=", a, c).sql})`;
  return { sql: isNot ? `(NOT ${sql})` : sql, type: BOOL };
}
