import { orderBy } from "../expressions/ordering.ts";
import { Refusal } from "../refusal.ts";
import { expect, type OutputColumn, type Term } from "../terms.ts";
import { isRecord, Node } from "../tree.ts";
import { INT64, quoteName, typeName } from "../types.ts";
import { Scope } from "./scope.ts";
import type { Surroundings } from "./surroundings.ts";

export interface SelectItem {
  readonly name: string;
  readonly isAnonymous: boolean;
  readonly term: Term;
  readonly hasAggregate: boolean;
}

/** GROUP BY, with positions and names of SELECT. */
export function groupBy(
  node: Node | undefined,
  items: readonly SelectItem[],
  scope: Scope,
  surroundings: Surroundings,
): string {
  if (!node) return "";
  if (node.flag("all")) {
    node.end("GROUP BY");
    const keys = items.filter((item) => !item.hasAggregate && !item.term.sql.includes(" OVER ("));
    return keys.length === 0 ? "" : `GROUP BY ${keys.map(({ term }) => groupKey(term)).join(", ")}`;
  }
  const parts = node.nodes("expressions").map((item) => groupItem(item, items, scope, surroundings));
  node.end("GROUP BY");
  return `GROUP BY ${parts.join(", ")}`;
}

function groupItem(
  node: Node,
  items: readonly SelectItem[],
  scope: Scope,
  surroundings: Surroundings,
): string {
  const name = node.kind === "function" ? node.text("name").toUpperCase() : "";
  if (["ROLLUP", "CUBE", "GROUPING SETS"].includes(name)) {
    const parts = node.nodes("args").map((arg) => groupItem(arg, items, scope, surroundings));
    node.end(name);
    return `${name} (${parts.join(", ")})`;
  }
  if (node.kind === "tuple") {
    const parts = node.nodes("expressions").map((part) => groupItem(part, items, scope, surroundings));
    node.end("(");
    return `(${parts.join(", ")})`;
  }
  return groupKey(itemAt(node, items) ?? surroundings.term(node, scope));
}

/** The item of SELECT that a number means. */
function itemAt(node: Node, items: readonly SelectItem[]): Term | undefined {
  if (node.kind !== "literal" || node.text("literal_type") !== "number") return undefined;
  const position = node.text("value");
  const item = /^\d+$/.test(position) ? items[Number(position) - 1] : undefined;
  if (!item) throw new Refusal(position, "SELECT has no column of this number");
  return item.term;
}

function groupKey(term: Term): string {
  if (["ARRAY", "STRUCT", "JSON", "FOREIGN"].includes(term.type.kind))
    throw new Refusal("GROUP BY", `grouping by ${typeName(term.type)} is not supported`);
  if (term.isVolatile) throw new Refusal("GROUP BY", "grouping by random values is not supported");
  return term.sql;
}

/** ORDER BY of a SELECT without DISTINCT. */
export function orderSelect(
  node: Node,
  items: readonly SelectItem[],
  scope: Scope,
  surroundings: Surroundings,
): string {
  const keys = node.parts("expressions").map((item) => {
    const inner = item.node("this");
    return orderBy(itemAt(inner, items) ?? surroundings.term(inner, scope), item).sql;
  });
  node.raw("siblings");
  node.end("ORDER BY");
  return ` ORDER BY ${keys.join(", ")}`;
}

interface Output {
  readonly columns: readonly OutputColumn[];
  readonly internal: readonly string[];
  /** Undefined for a set operation. */
  readonly items?: readonly SelectItem[];
  readonly scope?: Scope;
}

/** A query ordered by its own columns, after DISTINCT or a set operation. */
export function orderOutput(
  core: string,
  node: Node,
  { columns, internal, items, scope }: Output,
  surroundings: Surroundings,
): string {
  const name = quoteName(surroundings.environment.nextName());
  const outputs = columns.map((column, index) => ({
    ...column,
    sql: `${name}.${quoteName(internal[index] ?? "")}`,
  }));
  const own = new Scope([{ alias: "", columns: outputs }]);
  const keys = node.parts("expressions").map((item) => {
    const inner = item.node("this");
    return orderBy(outputAt(inner) ?? matching(inner) ?? surroundings.term(inner, own), item).sql;
  });
  node.raw("siblings");
  node.end("ORDER BY");
  return `SELECT ${outputs.map(({ sql }) => sql).join(", ")} FROM (${core}) AS ${name} ORDER BY ${keys.join(", ")}`;

  function outputAt(inner: Node): Term | undefined {
    return itemAt(
      inner,
      outputs.map((term) => ({ name: "", isAnonymous: true, hasAggregate: false, term })),
    );
  }
  /** An expression that is written in SELECT too. */
  function matching(inner: Node): Term | undefined {
    if (!items || !scope || (inner.kind === "column" && !inner.has("table"))) return undefined;
    const { sql } = surroundings.term(inner, scope);
    const index = items.findIndex(({ term }) => term.sql === sql);
    if (index < 0) throw new Refusal("ORDER BY", "with DISTINCT it can order by columns of SELECT only");
    return outputs[index];
  }
}

export function assertDistinct(columns: readonly OutputColumn[]): void {
  for (const { type } of columns)
    if (["ARRAY", "STRUCT", "JSON", "FOREIGN"].includes(type.kind))
      throw new Refusal("DISTINCT", `it does not take ${typeName(type)}`);
}

/** LIMIT and OFFSET. */
export function limit(node: Node, surroundings: Surroundings): string {
  return ["limit", "offset"]
    .map((name) => {
      if (!node.has(name)) return "";
      const raw = node.raw(name);
      const inner = isRecord(raw) && "this" in raw ? new Node(name, raw).node("this") : Node.from(raw);
      const term = surroundings.term(inner, new Scope([]));
      return ` ${name.toUpperCase()} ${expect(name.toUpperCase(), term, INT64).sql}`;
    })
    .join("");
}
