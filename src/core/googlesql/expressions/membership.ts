import { Refusal } from "../refusal.ts";
import { assertRepeatable, type Context, convert, expect, type Term, unify } from "../terms.ts";
import type { Node } from "../tree.ts";
import { BOOL, type Type, typeName } from "../types.ts";
import { assertComparable } from "./operators.ts";

/** `x IN (1, 2)`, `x IN (SELECT …)`, `x IN UNNEST(array)`. */
export function inList(node: Node, context: Context): Term {
  const value = context.term(node.node("this"));
  const isNot = node.flag("not");
  const list = node.nodes("expressions").map((item) => context.term(item));
  const query = node.optional("query");
  const array = node.optional("unnest");
  node.raw("is_field");
  node.end("IN");
  const sql = query
    ? inQuery(value, context.subquery(query))
    : array
      ? inArray(value, context.term(array))
      : inTerms(value, list);
  return { sql: isNot ? `(NOT ${sql})` : sql, type: BOOL };
}

function inTerms(value: Term, list: readonly Term[]): string {
  if (value.type.kind === "STRUCT")
    throw new Refusal("IN", "IN for several columns is not supported; write AND and OR");
  const { type, terms } = unify("IN", [value, ...list]);
  assertComparable("IN", type);
  const [first, ...rest] = terms;
  if (type.kind === "FLOAT64" && rest.some((term) => term.written === undefined && /nan/i.test(term.sql)))
    throw new Refusal("IN", "IN with NaN is not supported");
  return `(${first?.sql} IN (${rest.map(({ sql }) => sql).join(", ")}))`;
}

function inQuery(
  value: Term,
  query: { readonly sql: string; readonly columns: readonly { readonly type: Type }[] },
): string {
  const [column, other] = query.columns;
  if (!column || other) throw new Refusal("IN", "the query must have one column");
  const against: Term = { sql: "item", type: column.type };
  const type = unify("IN", [value, against]).type;
  assertComparable("IN", type);
  const left = expect("IN", value, type);
  if (convert(against, type)?.sql !== "item")
    throw new Refusal(
      "IN",
      `${typeName(value.type)} is compared with a query of ${typeName(column.type)}; CAST one of them`,
    );
  return `(${left.sql} IN (${query.sql}))`;
}

function inArray(value: Term, array: Term): string {
  if (array.type.kind === "UNKNOWN") return "NULL";
  if (array.type.kind !== "ARRAY") throw new Refusal("UNNEST", "it takes an array");
  const item = array.type.item;
  if (array.written?.kind === "empty") return "false";
  const left = expect(
    "IN",
    value,
    array.written?.kind === "parameter" ? unify("IN", [value, { sql: "", type: item }]).type : item,
  );
  assertComparable("IN", item);
  const list = item.kind === left.type.kind ? array : expect("IN", array, { kind: "ARRAY", item: left.type });
  assertRepeatable("IN", [left, list]);
  return `googlesql_in_array(${left.sql}, ${list.sql})`;
}
