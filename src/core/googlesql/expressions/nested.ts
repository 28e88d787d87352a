import { arrayItem, arrayLiteral } from "../library/arrays.ts";
import { Refusal } from "../refusal.ts";
import { structOf } from "../structs.ts";
import { type Context, type Term, unify } from "../terms.ts";
import { Node } from "../tree.ts";
import * as types from "../types.ts";
import { callOf } from "./calls.ts";
import { cast } from "./casts.ts";

/** An array whose items decide its type. */
export function array(node: Node, context: Context): Term {
  return arrayOfType(node, context);
}

/** `[1, 2]`, or `ARRAY<INT64>[1, 2]` with the type. */
export function arrayOfType(node: Node, context: Context, wanted?: types.Type): Term {
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

/** An item of an array. */
export function subscript(node: Node, context: Context): Term {
  const source = context.term(node.node("this"));
  const index = node.node("index");
  node.end("[");
  const call = index.kind === "function" ? callOf(index) : undefined;
  const how = call && /^(SAFE_)?(OFFSET|ORDINAL)$/.test(call.name) ? call.name : "OFFSET";
  const [position] = call && how === call.name ? call.args : [index];
  if (!position) throw new Refusal(how, "it needs a position");
  return arrayItem(source, context.term(position), how);
}

/** `STRUCT<…>(1, 2)` and `(1, 2)`. */
export function struct(node: Node, context: Context): Term {
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
