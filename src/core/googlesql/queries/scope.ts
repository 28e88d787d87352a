import { Refusal, UnknownName } from "../refusal.ts";
import { fields } from "../structs.ts";
import type { OutputColumn, Query, Term } from "../terms.ts";
import { isSameName, quoteName, type Type, UNKNOWN } from "../types.ts";

export interface ScopeColumn {
  readonly name: string;
  readonly isAnonymous?: boolean;
  readonly sql: string;
  readonly type: Type;
}

/** One item of FROM. */
export interface Item {
  readonly sql: string;
  readonly relations: readonly Relation[];
  readonly shared?: readonly ScopeColumn[];
  /** Whether it is an array of an item before it. */
  readonly isArray?: boolean;
}

/** What an item of FROM gives to the other clauses. */
export interface Relation {
  /** The name by which its columns can be qualified. Empty if it has none. */
  readonly alias: string;
  readonly columns: readonly ScopeColumn[];
  /** Of an unknown table, while a text is checked: any column may exist. */
  readonly isOpen?: boolean;
  /** The value of its name: an item of an array. */
  readonly value?: Term;
  /** Whether an outer join may add a row of it that is all NULL. */
  readonly isNullable?: boolean;
}

/** What SELECT computes, by name. */
export interface Aliases {
  readonly items: readonly { readonly name: string; readonly term: Term }[];
  /** Whether they hide columns of the same name. */
  readonly areFirst: boolean;
}

function onlyAlias(name: string, found: Aliases["items"]): Term {
  const [first, ...others] = found;
  if (!first || others.some(({ term }) => term.sql !== first.term.sql))
    throw new Refusal(name, "SELECT has two columns of this name");
  return first.term;
}

/** The names that an expression can use. */
export class Scope {
  readonly relations: readonly Relation[];
  /** Columns of USING, which two relations share. */
  readonly shared: readonly ScopeColumn[];
  readonly #outer: Scope | undefined;
  readonly #aliases: Aliases | undefined;

  constructor(
    relations: readonly Relation[],
    outer?: Scope,
    shared: readonly ScopeColumn[] = [],
    aliases?: Aliases,
  ) {
    this.relations = relations;
    this.shared = shared;
    this.#outer = outer;
    this.#aliases = aliases;
  }

  /** The scope of a clause that can also name what SELECT computes. */
  withAliases(aliases: Aliases): Scope {
    return new Scope(this.relations, this.#outer, this.shared, aliases);
  }

  /** The value of a name such as `id`, `orders.id` or `orders.address.city`. Refuses an unknown name. */
  resolve(path: readonly string[]): Term {
    const found = this.find(path);
    if (found) return found;
    throw new UnknownName(path.join("."), `there is no column ${path.join(".")}`);
  }

  find(path: readonly string[]): Term | undefined {
    const [first = "", ...rest] = path;
    const alias = this.#aliases?.items.filter((item) => isSameName(item.name, first)) ?? [];
    if (alias[0] && (this.#aliases?.areFirst || !this.#findColumn(first, rest)))
      return fields(onlyAlias(first, alias), rest);
    return this.#findColumn(first, rest) ?? this.#outer?.find(path) ?? this.#open(first);
  }

  #findColumn(first: string, rest: readonly string[]): Term | undefined {
    const columns = this.#columns(first);
    const relation = this.relations.find((one) => isSameName(one.alias, first));
    if (relation && rest.length > 0) return this.#inRelation(relation, rest);
    if (columns.length > 1)
      throw new Refusal(first, "more than one table has this column; write table.column");
    const [column] = columns;
    if (relation && column && relation.value?.sql !== column.sql)
      throw new Refusal(first, "it is the name of a column and of a table; give the table another alias");
    if (relation) return rowOf(relation);
    return column && fields(column, rest);
  }

  #open(name: string): Term | undefined {
    return this.relations.some((one) => one.isOpen) ? { sql: quoteName(name), type: UNKNOWN } : undefined;
  }

  /** Whether the first name is of a relation of this scope or of one around it. */
  hasRelation(name: string): boolean {
    return (
      this.relations.some((one) => isSameName(one.alias, name)) || (this.#outer?.hasRelation(name) ?? false)
    );
  }

  #columns(name: string): readonly ScopeColumn[] {
    const shared = this.shared.filter((column) => isSameName(column.name, name));
    if (shared.length > 0) return shared;
    return this.relations.flatMap((relation) => columnsNamed(relation, name));
  }

  #inRelation(relation: Relation, path: readonly string[]): Term {
    const [first = "", ...rest] = path;
    const [column, other] = columnsNamed(relation, first);
    if (other)
      throw new Refusal(first, `${relation.alias} has two columns of this name; name them differently`);
    if (column) return fields(column, rest);
    if (relation.isOpen) return { sql: quoteName(first), type: UNKNOWN };
    if (relation.value?.type.kind === "UNKNOWN") return relation.value;
    throw new Refusal(first, `${relation.alias} has no column ${first}`);
  }

  /** What `*` selects: shared columns first, and each once. */
  star(): readonly ScopeColumn[] {
    const isShared = (column: ScopeColumn) => this.shared.some((one) => isSameName(one.name, column.name));
    return [
      ...this.shared,
      ...this.relations.flatMap((relation) => relation.columns.filter((column) => !isShared(column))),
    ];
  }
}

function columnsNamed(relation: Relation, name: string): readonly ScopeColumn[] {
  return relation.columns.filter((column) => !column.isAnonymous && isSameName(column.name, name));
}

/** The row of a relation as a struct, or the item of an array. */
function rowOf(relation: Relation): Term {
  if (relation.value) return relation.value;
  if (relation.isOpen) return { sql: quoteName(relation.alias), type: UNKNOWN };
  if (relation.isNullable)
    throw new Refusal(relation.alias, "a whole row of an outer join is not supported; name its columns");
  const used = new Set<string>();
  for (const { name } of relation.columns) {
    if (used.has(name.toLowerCase())) throw new Refusal(relation.alias, `it has two columns ${name}`);
    used.add(name.toLowerCase());
  }
  return {
    sql: `struct_pack(${relation.columns.map(({ name, sql }) => `${quoteName(name)} := ${sql}`).join(", ")})`,
    type: { kind: "STRUCT", fields: relation.columns.map(({ name, type }) => ({ name, type })) },
  };
}

/** The columns of a query in parentheses, or of a table of WITH. */
export function relationOf(
  alias: string,
  query: Query,
  internal: readonly string[],
  tableSql: string,
): Relation {
  return {
    alias,
    columns: query.columns.map((column, index) => ({
      name: column.name,
      isAnonymous: column.isAnonymous,
      sql: `${tableSql}.${quoteName(internal[index] ?? column.name)}`,
      type: column.type,
    })),
  };
}

/**
 * Names for DuckDB, each of them once: a query in parentheses may have two columns of one name. Columns without a name
 * are called `f0_`, `f1_`, … as BigQuery calls them.
 */
export function internalNames(
  columns: readonly Pick<OutputColumn, "name" | "isAnonymous">[],
): readonly string[] {
  const used = new Set(columns.filter((column) => !column.isAnonymous).map(({ name }) => name.toLowerCase()));
  const given = new Set<string>();
  let anonymous = 0;
  return columns.map(({ name, isAnonymous }) => {
    let base = name;
    if (isAnonymous) {
      do base = `f${anonymous++}_`;
      while (used.has(base));
    }
    let free = base;
    for (let number = 2; given.has(free.toLowerCase()); number++) free = `${base}__${number}`;
    given.add(free.toLowerCase());
    return free;
  });
}
