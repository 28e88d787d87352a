import { Refusal } from "../refusal.ts";
import type { Query } from "../terms.ts";
import type { Node } from "../tree.ts";
import { quoteName } from "../types.ts";
import { internalNames } from "./scope.ts";
import { select } from "./select.ts";
import { setOperation } from "./set-operations.ts";
import { Surroundings } from "./surroundings.ts";

/** A SELECT, a UNION or either of them in parentheses, with its WITH. */
export function query(node: Node, surroundings: Surroundings): Query {
  const written = node.part("with");
  if (!written) return body(node, surroundings);
  const { inside, sql } = withTables(written, surroundings);
  const result = body(node, inside);
  return { ...result, sql: `${sql} ${result.sql}` };
}

function body(node: Node, surroundings: Surroundings): Query {
  switch (node.kind) {
    case "select":
      return select(node, surroundings);
    case "union":
    case "intersect":
    case "except":
      return setOperation(node, surroundings);
    case "subquery":
    case "paren": {
      const inner = node.node("this");
      node.raw("modifiers_inside");
      node.end("(");
      const result = query(inner, surroundings);
      return { ...result, sql: `(${result.sql})` };
    }
    default:
      throw new Refusal(node.kind.replaceAll("_", " ").toUpperCase(), "only one SELECT can be run");
  }
}

function withTables(
  node: Node,
  surroundings: Surroundings,
): { readonly inside: Surroundings; readonly sql: string } {
  const isRecursive = node.flag("recursive");
  const tables = new Map(surroundings.tables);
  const parts = node.parts("ctes").map((part) => {
    const name = part.name("alias");
    const inner = part.node("this");
    part.end(name);
    const inside = new Surroundings(surroundings.environment, tables, surroundings.outer);
    const found = isRecursive && names(inner, name) ? recursive(name, inner, inside) : query(inner, inside);
    if (found.struct) throw new Refusal(name, "SELECT AS STRUCT is not supported in WITH");
    const internal = internalNames(found.columns);
    tables.set(name.toLowerCase(), { name, query: found, internal });
    return `${quoteName(name)} AS (${found.sql})`;
  });
  node.end("WITH");
  return {
    inside: new Surroundings(surroundings.environment, tables, surroundings.outer),
    sql: `WITH ${isRecursive ? "RECURSIVE " : ""}${parts.join(", ")}`,
  };
}

function names(node: Node, name: string): boolean {
  return new RegExp(`"name":"${name.replace(/\W/g, "\\$&")}"`, "i").test(
    JSON.stringify(node.raw("right") ?? null),
  );
}

/** A table of WITH RECURSIVE: its first query decides the names and types. */
function recursive(name: string, node: Node, surroundings: Surroundings): Query {
  const isAll = node.kind === "union" && node.flag("all");
  if (!isAll) throw new Refusal(name, "a recursive table must be a UNION ALL");
  const start = query(node.node("left"), surroundings);
  const right = node.node("right");
  node.end("UNION ALL");
  const internal = internalNames(start.columns);
  const tables = new Map(surroundings.tables).set(name.toLowerCase(), { name, query: start, internal });
  const next = query(right, new Surroundings(surroundings.environment, tables, surroundings.outer));
  if (
    next.columns.length !== start.columns.length ||
    next.columns.some((column, index) => column.type.kind !== start.columns[index]?.type.kind)
  )
    throw new Refusal(name, "both queries of a recursive table must have the same types; CAST them");
  return { ...start, sql: `${start.sql} UNION ALL ${next.sql}` };
}
