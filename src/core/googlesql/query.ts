import { expression } from "./expressions.ts";
import { Refusal } from "./refusal.ts";
import { internalNames, isSameName, type Scope } from "./scope.ts";
import { select } from "./select.ts";
import { setOperation } from "./set-operations.ts";
import type { Context, Query, Term } from "./terms.ts";
import type { Node } from "./tree.ts";
import { quoteName, type Type } from "./types.ts";

export interface KnownTable {
  readonly sql: string;
  readonly columns: readonly { readonly name: string; readonly type: Type }[];
}

/** What a text may use from outside. */
export interface Environment {
  table(path: readonly string[]): KnownTable | undefined;
  parameter(name: string): Term;
  /** A name for DuckDB that the text does not have. */
  nextName(): string;
  /** Whether the tables are unknown. */
  readonly isCheck: boolean;
}

interface WithTable {
  readonly name: string;
  readonly query: Query;
  readonly internal: readonly string[];
}

/** Where a query stands: the tables of WITH, and the names of the queries around it. */
export class Surroundings {
  readonly environment: Environment;
  readonly tables: ReadonlyMap<string, WithTable>;
  readonly outer: Scope | undefined;
  readonly windows: ReadonlyMap<string, () => Node>;

  constructor(
    environment: Environment,
    tables: ReadonlyMap<string, WithTable> = new Map(),
    outer?: Scope,
    windows: ReadonlyMap<string, () => Node> = new Map(),
  ) {
    this.environment = environment;
    this.tables = tables;
    this.outer = outer;
    this.windows = windows;
  }

  term(node: Node, scope: Scope): Term {
    return this.context(scope).term(node);
  }

  context(scope: Scope): Context {
    const { environment, windows } = this;
    const names = { scope, parameter: (name: string) => environment.parameter(name) };
    const context: Context = {
      isCheck: environment.isCheck,
      operand: (node) => expression(node, names, context),
      term: (node) => checked(expression(node, names, context)),
      subquery: (node) => this.query(node, scope),
      window: (name) => [...windows].find(([key]) => isSameName(key, name))?.[1](),
    };
    return context;
  }

  /** Analyzes a query. `outer`: the scope of the expression that it is part of. */
  query(node: Node, outer: Scope | undefined): Query {
    return query(node, new Surroundings(this.environment, this.tables, outer ?? this.outer));
  }
}

/** The term with a check that floating-point arithmetic did not overflow. */
function checked(term: Term): Term {
  if (!term.operands) return term;
  const operands = [...new Set(term.operands)];
  return { sql: `googlesql_checked(${term.sql}, [${["0e0", ...operands].join(", ")}])`, type: term.type };
}

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
