import { compare } from "../expressions/operators.ts";
import { Refusal, UnknownName } from "../refusal.ts";
import { expect, type Query, type Term } from "../terms.ts";
import type { Node } from "../tree.ts";
import { BOOL, isSameName, quoteName, type Type, UNKNOWN } from "../types.ts";
import { pivot, unpivot } from "./pivot.ts";
import { type Item, internalNames, type Relation, relationOf, Scope, type ScopeColumn } from "./scope.ts";
import type { Surroundings } from "./surroundings.ts";

/** FROM in DuckDB's SQL, and the names that it gives. */
export interface From {
  readonly sql: string;
  readonly relations: readonly Relation[];
  readonly shared: readonly ScopeColumn[];
}

const nothing: From = { sql: "", relations: [], shared: [] };

/** FROM with its joins, in the order in which they are written. */
export function from(node: Node, joins: readonly Node[], surroundings: Surroundings): From {
  const items = node.nodes("expressions");
  node.end("FROM");
  let result = nothing;
  for (const item of items) result = crossJoin(result, fromItem(item, result, surroundings));
  for (const join of joins) result = joinTo(result, join, surroundings);
  return result;
}

function crossJoin(left: From, item: Item): From {
  return {
    sql: left.sql === "" ? item.sql : `${left.sql} CROSS JOIN ${item.isArray ? "LATERAL " : ""}${item.sql}`,
    relations: withUniqueNames(left.relations, item.relations),
    shared: [...left.shared, ...(item.shared ?? [])],
  };
}

function withUniqueNames(left: readonly Relation[], right: readonly Relation[]): readonly Relation[] {
  for (const { alias } of right)
    if (alias !== "" && left.some((one) => isSameName(one.alias, alias)))
      throw new Refusal(alias, "two items of FROM have this name; give one of them another alias");
  return [...left, ...right];
}

function joinTo(left: From, join: Node, surroundings: Surroundings): From {
  const kind = String(join.raw("kind"));
  const item = fromItem(join.node("this"), left, surroundings);
  const on = join.optional("on");
  const using = join.parts("using").map((part) => part.name("name"));
  join.raw("use_inner_keyword");
  join.raw("use_outer_keyword");
  join.raw("deferred_condition");
  join.raw("join_hint");
  join.end("JOIN");
  if (kind === "Cross" || kind === "Implicit") return crossJoin(left, item);
  const word = { Inner: "JOIN", Left: "LEFT JOIN", Right: "RIGHT JOIN", Full: "FULL JOIN" }[kind];
  if (!word) throw new Refusal(`${kind.toUpperCase()} JOIN`, "this join is not supported");
  if (item.isArray && (kind === "Right" || kind === "Full"))
    throw new Refusal("UNNEST", `${word} with the array of a column is not supported`);
  if (!on && using.length === 0 && !item.isArray) throw new Refusal("JOIN", "it needs ON or USING");
  const all = withUniqueNames(left.relations, item.relations);
  const usingResult = joinUsing(kind, left, item, using);
  const scope = new Scope(all, surroundings.outer, left.shared);
  const condition = on
    ? expect("ON", surroundings.term(on, scope), BOOL).sql
    : usingResult.conditions.join(" AND ");
  return {
    sql: `${left.sql} ${word} ${item.isArray ? "LATERAL " : ""}${item.sql} ON ${condition || "true"}`,
    relations: [
      ...left.relations.map((one) =>
        kind === "Right" || kind === "Full" ? { ...one, isNullable: true } : one,
      ),
      ...item.relations.map((one) =>
        kind === "Left" || kind === "Full" ? { ...one, isNullable: true } : one,
      ),
    ],
    shared: [
      ...usingResult.shared,
      ...left.shared.filter((column) => !using.some((name) => isSameName(name, column.name))),
    ],
  };
}

interface Using {
  readonly conditions: readonly string[];
  readonly shared: readonly ScopeColumn[];
}

function joinUsing(kind: string, left: From, right: Item, names: readonly string[]): Using {
  const columns = names.map((name) => {
    const one = new Scope(left.relations, undefined, left.shared).resolve([name]);
    const other = new Scope(right.relations).resolve([name]);
    const sql = { Right: other.sql, Full: `coalesce(${one.sql}, ${other.sql})` }[kind] ?? one.sql;
    const isOpen = one.type.kind === "UNKNOWN" || other.type.kind === "UNKNOWN";
    if (!isOpen && one.type.kind !== other.type.kind)
      throw new Refusal(name, "the columns of USING have different types; write ON");
    return { name, sql, type: one.type, condition: isOpen ? "true" : compare("=", one, other).sql };
  });
  return {
    conditions: columns.map(({ condition }) => condition),
    shared: columns.map(({ name, sql, type }) => ({ name, sql, type })),
  };
}

function fromItem(node: Node, left: From, surroundings: Surroundings): Item {
  const scope = new Scope(left.relations, surroundings.outer, left.shared);
  switch (node.kind) {
    case "table":
      return table(node, scope, surroundings);
    case "subquery":
      return derived(node, surroundings);
    case "unnest":
      return unnest(node, scope, surroundings);
    case "alias":
      return aliased(node, scope, surroundings);
    case "joined_table":
      return nested(node, surroundings);
    case "paren": {
      const inner = node.node("this");
      node.end("(");
      return fromItem(inner, left, surroundings);
    }
    case "pivot":
      return pivot(node, (source) => fromItem(source, nothing, surroundings), surroundings);
    case "unpivot":
      return unpivot(node, (source) => fromItem(source, nothing, surroundings), surroundings);
    default:
      throw new Refusal(node.kind.replaceAll("_", " ").toUpperCase(), "it is not supported in FROM");
  }
}

/** Only UNNEST gets its alias from a node around it. */
function aliased(node: Node, scope: Scope, surroundings: Surroundings): Item {
  const alias = node.name("alias");
  const inner = node.node("this");
  node.end(alias);
  if (inner.kind !== "unnest") throw new Refusal(alias, "this item of FROM is not supported");
  return unnest(inner, scope, surroundings, alias);
}

function nested(node: Node, surroundings: Surroundings): Item {
  const left = fromItem(node.node("left"), nothing, surroundings);
  const joins = node.parts("joins");
  node.end("JOIN");
  let result = crossJoin(nothing, left);
  for (const join of joins) result = joinTo(result, join, surroundings);
  return { sql: `(${result.sql})`, relations: result.relations, shared: result.shared };
}

function table(node: Node, scope: Scope, surroundings: Surroundings): Item {
  const path = ["catalog", "schema", "name"].map((field) => node.name(field)).filter((part) => part !== "");
  const names = path.flatMap((part) => part.split("."));
  const written = node.name("alias");
  const last = names.at(-1) ?? "";
  node.end(last);
  const [first = ""] = names;
  if (names.length > 1 && scope.hasRelation(first)) {
    const array = scope.resolve(names);
    return arrayItem(array, written === "" ? last : written, undefined, surroundings);
  }
  const alias = written === "" ? last : written;
  const found = names.length === 1 ? surroundings.tables.get(last.toLowerCase()) : undefined;
  if (found) {
    const sql = quoteName(alias);
    return {
      sql: `${quoteName(found.name)} AS ${sql}`,
      relations: [relationOf(alias, found.query, found.internal, sql)],
    };
  }
  const known = surroundings.environment.table(names);
  if (!known) {
    if (!surroundings.environment.isCheck)
      throw new UnknownName(names.join("."), `there is no table ${names.join(".")}`);
    return { sql: quoteName(last), relations: [{ alias, columns: [], isOpen: true }] };
  }
  const own = quoteName(alias);
  return {
    sql: `${known.sql} AS ${own}`,
    relations: [
      {
        alias,
        columns: known.columns.map(({ name, type }) => ({ name, type, sql: columnSql(own, name, type) })),
      },
    ],
  };
}

/** DuckDB's small integers, decimals and floats become the types that GoogleSQL has. */
function columnSql(table: string, name: string, type: Type): string {
  const sql = `${table}.${quoteName(name)}`;
  if (type.kind === "INT64") return `CAST(${sql} AS BIGINT)`;
  if (type.kind === "FLOAT64") return `CAST(${sql} AS DOUBLE)`;
  if (type.kind === "NUMERIC") return `CAST(${sql} AS DECIMAL(38, 9))`;
  return sql;
}

function derived(node: Node, surroundings: Surroundings): Item {
  const alias = node.name("alias");
  const query = surroundings.query(node.node("this"), undefined);
  node.raw("lateral");
  node.raw("modifiers_inside");
  node.end(alias === "" ? "FROM" : alias);
  return queryItem(alias, query, surroundings);
}

function queryItem(alias: string, query: Query, surroundings: Surroundings): Item {
  const name = quoteName(alias === "" ? surroundings.environment.nextName() : alias);
  if (query.struct) throw new Refusal(alias, "SELECT AS STRUCT is not supported in FROM");
  return {
    sql: `(${query.sql}) AS ${name}`,
    relations: [
      {
        ...relationOf(alias, query, internalNames(query.columns), name),
        ...(query.isOpen && { isOpen: true }),
      },
    ],
  };
}

function unnest(node: Node, scope: Scope, surroundings: Surroundings, outerAlias = ""): Item {
  const inner = node.node("this");
  const alias = node.name("alias") || outerAlias;
  const isNumbered = node.flag("with_ordinality");
  const offset = node.name("offset_alias");
  node.end("UNNEST");
  return arrayItem(
    surroundings.term(inner, scope),
    alias,
    isNumbered ? offset || "offset" : undefined,
    surroundings,
  );
}

/** The items of an array as rows. */
function arrayItem(array: Term, alias: string, offset: string | undefined, surroundings: Surroundings): Item {
  const name = quoteName(surroundings.environment.nextName());
  const type = array.type.kind === "ARRAY" ? array.type.item : array.type;
  if (array.type.kind !== "ARRAY" && array.type.kind !== "UNKNOWN")
    throw new Refusal(alias || "UNNEST", "it is no array");
  if (array.isVolatile) throw new Refusal("UNNEST", "an array of random values is not supported");
  const value: Term = {
    sql: `${name}.item`,
    type: array.written?.kind === "empty" ? { kind: "INT64" } : type,
  };
  const sql = array.written?.kind === "empty" ? "CAST([] AS BIGINT[])" : array.sql;
  const number = offset === undefined ? "" : `, CAST(generate_subscripts(${sql}, 1) - 1 AS BIGINT) AS number`;
  const columns = itemColumns(value, alias);
  const relation: Relation = { alias, columns, value, ...(type === UNKNOWN && { isOpen: true }) };
  const numbers: readonly Relation[] =
    offset === undefined
      ? []
      : [{ alias: "", columns: [{ name: offset, sql: `${name}.number`, type: { kind: "INT64" } }] }];
  return {
    sql: `(SELECT unnest(${sql}) AS item${number}) AS ${name}`,
    relations: [relation, ...numbers],
    isArray: true,
  };
}

/** The fields of a STRUCT are columns. Another item is one column with the name of the alias. */
function itemColumns(value: Term, alias: string): readonly ScopeColumn[] {
  if (value.type.kind !== "STRUCT")
    return [{ name: alias, isAnonymous: alias === "", sql: value.sql, type: value.type }];
  return value.type.fields.map((field, index) => ({
    name: field.name,
    isAnonymous: field.name === "",
    sql: `struct_extract(${value.sql}, '${(field.name || `_field_${index + 1}`).replaceAll("'", "''")}')`,
    type: field.type,
  }));
}
