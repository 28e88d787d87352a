import { Refusal } from "../refusal.ts";
import { assertRepeatable, type Context, type Term } from "../terms.ts";
import type { Node } from "../tree.ts";
import { typeName } from "../types.ts";

export interface OrderKeys {
  /** The expression itself. */
  readonly key: string;
  /** The expressions that order as GoogleSQL does, with their directions. */
  readonly sql: string;
  readonly isFloat: boolean;
}

/** An item of ORDER BY. In GoogleSQL NULL is the least value, and then NaN. */
export function orderKeys(item: Node, context: Pick<Context, "term">, word = "ORDER BY"): OrderKeys {
  const term = context.term(item.node("this"));
  return orderBy(term, item, word);
}

export function orderBy(term: Term, item: Node, word = "ORDER BY"): OrderKeys {
  const isDescending = item.flag("desc");
  item.raw("explicit_asc");
  const nullsFirst = item.raw("nulls_first");
  item.end(word);
  if (["ARRAY", "STRUCT", "JSON", "FOREIGN", "INTERVAL"].includes(term.type.kind))
    throw new Refusal(word, `it can't order by ${typeName(term.type)}`);
  const nulls = (typeof nullsFirst === "boolean" ? nullsFirst : !isDescending) ? "NULLS FIRST" : "NULLS LAST";
  const direction = isDescending ? "DESC" : "ASC";
  const isFloat = term.type.kind === "FLOAT64" && !term.written;
  if (isFloat) assertRepeatable(word, [term]);
  const numbers = isFloat ? `(NOT isnan(${term.sql})) ${direction} ${nulls}, ` : "";
  return { key: term.sql, sql: `${numbers}${term.sql} ${direction} ${nulls}`, isFloat };
}
