import { Refusal } from "../refusal.ts";
import { assertRepeatable, type Context, expect, type Term, unify } from "../terms.ts";
import { Node } from "../tree.ts";
import { arrayOf, BOOL, FLOAT64, INT64, NUMERIC, STRING, type Type, typeName } from "../types.ts";
import { orderKeys } from "./ordering.ts";

/** An aggregate function in DuckDB. `{over}` is where OVER goes, after each call of an aggregate. */
export interface Aggregate {
  readonly template: string;
  readonly type: Type;
}

interface Arguments {
  readonly name: string;
  readonly value: Term;
  /** `DISTINCT ` or nothing. */
  readonly distinct: string;
}

const kinds: Readonly<Record<string, string>> = {
  any_value: "ANY_VALUE",
  approx_count_distinct: "APPROX_COUNT_DISTINCT",
  array_agg: "ARRAY_AGG",
  array_concat_agg: "ARRAY_CONCAT_AGG",
  avg: "AVG",
  bitwise_and_agg: "BIT_AND",
  bitwise_or_agg: "BIT_OR",
  bitwise_xor_agg: "BIT_XOR",
  count: "COUNT",
  count_if: "COUNTIF",
  logical_and: "LOGICAL_AND",
  logical_or: "LOGICAL_OR",
  max: "MAX",
  min: "MIN",
  stddev: "STDDEV",
  stddev_pop: "STDDEV_POP",
  stddev_samp: "STDDEV_SAMP",
  string_agg: "STRING_AGG",
  sum: "SUM",
  var_pop: "VAR_POP",
  var_samp: "VAR_SAMP",
  variance: "VARIANCE",
};

export function isAggregate(node: Node): boolean {
  return Object.hasOwn(kinds, node.kind) || node.kind === "aggregate_function";
}

export function aggregate(node: Node, context: Context): Aggregate {
  if (node.kind === "aggregate_function") return namedAggregate(node, context);
  const name = kinds[node.kind] ?? "";
  node.raw("name");
  const distinct = node.flag("distinct") ? "DISTINCT " : "";
  if (node.kind === "count" && node.flag("star")) {
    node.end(name);
    return { template: "count(*){over}", type: INT64 };
  }
  if (node.kind === "array_agg" || node.kind === "string_agg")
    return listAggregate(name, node, distinct, context);
  if (node.kind === "array_concat_agg") return concatenated(name, node, distinct, context);
  const value = context.term(node.node("this"));
  const having = node.list("having_max");
  node.end(name);
  if (having.length > 0) return byAggregate(name, value, having, context);
  return plainAggregate({ name, value, distinct });
}

const floats: Readonly<Record<string, string>> = {
  STDDEV: "stddev_samp",
  STDDEV_POP: "stddev_pop",
  STDDEV_SAMP: "stddev_samp",
  VAR_POP: "var_pop",
  VAR_SAMP: "var_samp",
  VARIANCE: "var_samp",
};

function plainAggregate({ name, value, distinct }: Arguments): Aggregate {
  const { kind } = value.type;
  switch (name) {
    case "COUNT":
      assertGroupable(name, value.type, distinct !== "");
      return { template: `count(${distinct}${value.sql}){over}`, type: INT64 };
    case "APPROX_COUNT_DISTINCT":
      assertGroupable(name, value.type, true);
      return { template: `count(DISTINCT ${value.sql}){over}`, type: INT64 };
    case "COUNTIF":
      return {
        template: `count(${distinct}CASE WHEN ${expect(name, value, BOOL).sql} THEN 1 END){over}`,
        type: INT64,
      };
    case "LOGICAL_AND":
    case "LOGICAL_OR":
      return {
        template: `${name === "LOGICAL_AND" ? "bool_and" : "bool_or"}(${expect(name, value, BOOL).sql}){over}`,
        type: BOOL,
      };
    case "ANY_VALUE":
      return { template: `any_value(${value.sql}){over}`, type: value.type };
    case "BIT_AND":
    case "BIT_OR":
    case "BIT_XOR":
      return {
        template: `${name.toLowerCase()}(${distinct}${expect(name, value, INT64).sql}){over}`,
        type: INT64,
      };
    case "MIN":
    case "MAX":
      return extreme(name, value, distinct);
    case "SUM":
    case "AVG":
      return total(name, value, distinct);
  }
  const own = floats[name];
  if (own === undefined) throw new Refusal(name, "it is not supported here");
  if (kind === "NUMERIC") throw new Refusal(name, `${name} of NUMERIC is not supported; CAST it AS FLOAT64`);
  return { template: `${own}(${distinct}${expect(name, value, FLOAT64).sql}){over}`, type: FLOAT64 };
}

function extreme(name: string, value: Term, distinct: string): Aggregate {
  if (["ARRAY", "STRUCT", "JSON", "INTERVAL", "FOREIGN"].includes(value.type.kind))
    throw new Refusal(name, `it does not take ${typeName(value.type)} here`);
  const call = `${name.toLowerCase()}(${distinct}${value.sql}){over}`;
  if (value.type.kind !== "FLOAT64" || name === "MAX") return { template: call, type: value.type };
  assertRepeatable(name, [value]);
  return {
    template: `(CASE WHEN bool_or(isnan(${value.sql})){over} THEN 'NaN'::DOUBLE ELSE ${call} END)`,
    type: FLOAT64,
  };
}

function total(name: string, value: Term, distinct: string): Aggregate {
  const of = `(${distinct}${value.sql}){over}`;
  assertRepeatable(name, [value]);
  switch (value.type.kind) {
    case "UNKNOWN":
      return { template: `sum${of}`, type: value.type };
    case "INT64":
      return name === "SUM"
        ? { template: `CAST(sum${of} AS BIGINT)`, type: INT64 }
        : { template: `avg${of}`, type: FLOAT64 };
    case "FLOAT64": {
      const sum = `googlesql_sum_float(fsum${of}, sum${of})`;
      return { template: name === "SUM" ? sum : `(${sum} / NULLIF(count${of}, 0))`, type: FLOAT64 };
    }
    case "NUMERIC": {
      const sum = `sum(${distinct}CAST(${value.sql} AS DECIMAL(38, 9))){over}`;
      return {
        template:
          name === "SUM" ? `CAST(${sum} AS DECIMAL(38, 9))` : `googlesql_numeric_average(${sum}, count${of})`,
        type: NUMERIC,
      };
    }
    default:
      throw new Refusal(name, `it does not take ${typeName(value.type)}`);
  }
}

function assertGroupable(name: string, type: Type, isDistinct: boolean): void {
  if (isDistinct && ["ARRAY", "STRUCT", "JSON", "FOREIGN"].includes(type.kind))
    throw new Refusal(name, `DISTINCT of ${typeName(type)} is not supported here`);
}

/** ARRAY_AGG and STRING_AGG, which have an order and a limit. */
function listAggregate(name: string, node: Node, distinct: string, context: Context): Aggregate {
  const value = context.term(node.node("this"));
  const order = node.parts("order_by").map((part) => orderKeys(part, context));
  const limit = node.optional("limit");
  const count = limit && expect(name, context.term(limit), INT64).sql;
  const separator = node.optional("separator");
  node.raw("name");
  const ignoresNulls = node.flag("ignore_nulls");
  const between = separator ? expect(name, context.term(separator), STRING).sql : "','";
  node.end(name);
  assertGroupable(name, value.type, distinct !== "");
  if (distinct !== "" && order.some((keys) => keys.key !== value.sql))
    throw new Refusal(name, "with DISTINCT it can be ordered by its own value only");
  if (distinct !== "" && value.type.kind === "FLOAT64" && order.length > 0)
    throw new Refusal(name, "DISTINCT of FLOAT64 with an order is not supported");
  const ordered = order.length > 0 ? ` ORDER BY ${order.map(({ sql }) => sql).join(", ")}` : "";
  const isText = name === "STRING_AGG";
  if (!isText && value.type.kind === "ARRAY")
    throw new Refusal(name, "an array of arrays is not supported by GoogleSQL");
  const text = isText ? expect(name, value, STRING) : value;
  const filter = isText || ignoresNulls ? ` FILTER (WHERE ${text.sql} IS NOT NULL)` : "";
  assertRepeatable(name, [text]);
  const list = `list(${distinct}${text.sql}${ordered})${filter}{over}`;
  const cut = count === undefined ? list : `list_slice(${list}, 1, ${count})`;
  return isText
    ? { template: `array_to_string(${cut}, ${between})`, type: STRING }
    : { template: cut, type: arrayOf(value.type) };
}

/** ARRAY_CONCAT_AGG, which leaves out arrays that are NULL. */
function concatenated(name: string, node: Node, distinct: string, context: Context): Aggregate {
  const value = context.term(node.node("this"));
  const order = node.parts("order_by").map((part) => orderKeys(part, context).sql);
  node.end(name);
  if (distinct !== "" || value.type.kind !== "ARRAY")
    throw new Refusal(name, "it takes an ARRAY, without DISTINCT");
  assertRepeatable(name, [value]);
  const ordered = order.length > 0 ? ` ORDER BY ${order.join(", ")}` : "";
  const arrays = `list(${value.sql}${ordered}) FILTER (WHERE ${value.sql} IS NOT NULL){over}`;
  return { template: `flatten(${arrays})`, type: value.type };
}

/** ANY_VALUE(x HAVING MAX y), MAX_BY(x, y) and their opposites. */
function byAggregate(name: string, value: Term, having: readonly unknown[], context: Context): Aggregate {
  const [by, isMax] = having;
  if (name !== "ANY_VALUE" || typeof isMax !== "boolean")
    throw new Refusal(name, "HAVING MAX is supported for ANY_VALUE only");
  return chosenBy(name, value, context.term(Node.from(by)), isMax);
}

function chosenBy(name: string, value: Term, by: Term, isMax: boolean): Aggregate {
  if (by.type.kind === "FLOAT64" || ["ARRAY", "STRUCT", "JSON", "INTERVAL"].includes(by.type.kind))
    throw new Refusal(name, `the greatest or least ${typeName(by.type)} is not supported here`);
  return {
    template: `${isMax ? "arg_max_null" : "arg_min_null"}(${value.sql}, ${by.sql}){over}`,
    type: value.type,
  };
}

function namedAggregate(node: Node, context: Context): Aggregate {
  const name = node.text("name").toUpperCase();
  const args = node.nodes("args").map((arg) => context.term(arg));
  node.end(name);
  const [first, second] = args;
  if (!first || !second || args.length !== 2) throw new Refusal(name, "it is not supported here");
  if (name === "MAX_BY" || name === "MIN_BY") return chosenBy(name, first, second, name === "MAX_BY");
  if (name === "PERCENTILE_CONT") return percentile(name, first, second);
  if (name === "PERCENTILE_DISC") return discretePercentile(name, first, second);
  if (Object.hasOwn(ofPairs, name)) return pairAggregate(name, first, second);
  throw new Refusal(name, "it is not supported here");
}

/** Aggregates of two numbers: their least number of rows, without which they are NULL. */
const ofPairs: Readonly<Record<string, number>> = { CORR: 2, COVAR_POP: 1, COVAR_SAMP: 2 };

function pairAggregate(name: string, first: Term, second: Term): Aggregate {
  const [x, y] = [expect(name, first, FLOAT64), expect(name, second, FLOAT64)];
  assertRepeatable(name, [x, y]);
  const of = `(${x.sql}, ${y.sql}){over}`;
  const call = `${name.toLowerCase()}${of}`;
  const template = `(CASE WHEN regr_count${of} >= ${ofPairs[name]} THEN googlesql_not_infinite(${call}) END)`;
  return { template, type: FLOAT64 };
}

function discretePercentile(name: string, value: Term, at: Term): Aggregate {
  // DuckDB multiplies, and GoogleSQL divides. With these fractions both are exact.
  const fraction = Number(at.written?.kind === "real" ? at.written.digits : integerOf(at));
  if (!(fraction >= 0 && fraction <= 1 && Number.isInteger(fraction * 64)))
    throw new Refusal(name, "it is supported with 0, 0.25, 0.5, 0.75 and 1 only");
  if (["ARRAY", "STRUCT", "JSON", "INTERVAL", "FOREIGN", "FLOAT64"].includes(value.type.kind))
    throw new Refusal(name, `it does not take ${typeName(value.type)} here`);
  return { template: `quantile_disc(${value.sql}, ${fraction}){over}`, type: value.type };
}

function integerOf({ written }: Term): bigint | undefined {
  return written?.kind === "integer" ? written.value : undefined;
}

function percentile(name: string, value: Term, at: Term): Aggregate {
  if (at.written?.kind !== "real" && at.written?.kind !== "integer")
    throw new Refusal(name, "its second argument must be a number from 0 to 1");
  const { terms } = unify(name, [value, { sql: "0e0", type: FLOAT64 }]);
  if (value.type.kind === "NUMERIC")
    throw new Refusal(name, "it is not supported for NUMERIC; CAST it AS FLOAT64");
  return { template: `quantile_cont(${terms[0]?.sql}, ${at.sql}){over}`, type: FLOAT64 };
}
