import type { Context, Query, Term } from "../terms.ts";
import type { Node } from "../tree.ts";
import { isSameName, type Type } from "../types.ts";
import type { Scope } from "./scope.ts";

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
  readonly analyze: Analyzers;
}

/** The values of parameters and names that an expression may use. */
export interface Names {
  readonly scope: Scope;
  readonly parameter: (name: string) => Term;
}

/** What reads queries and expressions: each is part of the other. */
interface Analyzers {
  query(node: Node, surroundings: Surroundings): Query;
  expression(node: Node, names: Names, context: Context): Term;
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
      operand: (node) => environment.analyze.expression(node, names, context),
      term: (node) => checked(environment.analyze.expression(node, names, context)),
      subquery: (node) => this.query(node, scope),
      window: (name) => [...windows].find(([key]) => isSameName(key, name))?.[1](),
    };
    return context;
  }

  /** Analyzes a query. `outer`: the scope of the expression that it is part of. */
  query(node: Node, outer: Scope | undefined): Query {
    const { environment, tables } = this;
    return environment.analyze.query(node, new Surroundings(environment, tables, outer ?? this.outer));
  }
}

/** The term with a check that floating-point arithmetic did not overflow. */
function checked(term: Term): Term {
  if (!term.operands) return term;
  const operands = [...new Set(term.operands)];
  return { sql: `googlesql_checked(${term.sql}, [${["0e0", ...operands].join(", ")}])`, type: term.type };
}
