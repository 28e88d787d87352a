import { aggregate, isAggregate } from "../expressions/aggregates.ts";
import { compare } from "../expressions/operators.ts";
import { Refusal } from "../refusal.ts";
import { type Term, unify } from "../terms.ts";
import type { Node } from "../tree.ts";
import { isSameName, quoteName, quoteText, STRING } from "../types.ts";
import { type Item, type Relation, Scope, type ScopeColumn } from "./scope.ts";
import type { Surroundings } from "./surroundings.ts";

type ReadItem = (node: Node) => Item;

/** `PIVOT(SUM(x) FOR kind IN ('a', 'b'))` as aggregates with a condition each. */
export function pivot(node: Node, read: ReadItem, surroundings: Surroundings): Item {
  const source = read(node.node("this"));
  const aggregates = node.nodes("expressions");
  const [inNode, other] = node.nodes("fields");
  const alias = node.name("alias");
  node.raw("unpivot");
  node.end("PIVOT");
  if (!inNode || other || inNode.kind !== "in") throw new Refusal("PIVOT", "it needs one FOR … IN (…)");
  const scope = new Scope(source.relations, surroundings.outer, source.shared ?? []);
  const forNode = inNode.node("this");
  const forColumn = surroundings.term(forNode, scope);
  const values = inNode.nodes("expressions").map((value) => pivotValue(value, scope, surroundings));
  inNode.raw("is_field");
  inNode.end("IN");
  const used = new Set<string>([forColumn.sql]);
  const isUsed = (sql: string) => [...used].some((one) => sql === one);
  const results = aggregates.flatMap((written) => {
    const { name, call } = withAlias(written);
    if (!isAggregate(call)) throw new Refusal("PIVOT", "it needs aggregate functions");
    for (const sql of columnsIn(call, scope, surroundings)) used.add(sql);
    const { template, type } = aggregate(call, surroundings.context(scope));
    if (template.includes("FILTER"))
      throw new Refusal("PIVOT", "this aggregate function is not supported in it");
    return values.map((value) => ({
      name: name === "" ? value.name : `${name}_${value.name}`,
      sql: template.replaceAll("{over}", () => ` FILTER (WHERE ${compare("=", forColumn, value.term).sql})`),
      type,
    }));
  });
  if (source.relations.some((relation) => relation.isOpen))
    return { sql: source.sql, relations: [{ alias, columns: [], isOpen: true }] };
  const groups = scope.star().filter((column) => !isUsed(column.sql));
  const byValue = values.flatMap((value) =>
    results.filter(({ name }) => name === value.name || name.endsWith(`_${value.name}`)),
  );
  const ordered = aggregates.length === 1 ? results : [...new Set(byValue)];
  const columns = [...groups, ...ordered];
  const list = columns.map(({ sql, name }) => `${sql} AS ${quoteName(name)}`).join(", ");
  const by = groups.length > 0 ? ` GROUP BY ${groups.map(({ sql }) => sql).join(", ")}` : "";
  return item(`SELECT ${list} FROM ${source.sql}${by}`, alias, columns, surroundings);
}

function withAlias(node: Node): { readonly name: string; readonly call: Node } {
  if (node.kind !== "alias") return { name: "", call: node };
  const name = node.name("alias");
  const call = node.node("this");
  node.end(name);
  return { name, call };
}

function pivotValue(
  node: Node,
  scope: Scope,
  surroundings: Surroundings,
): { readonly name: string; readonly term: Term } {
  if (node.kind === "pivot_alias" || node.kind === "alias") {
    const name = node.kind === "alias" ? node.name("alias") : aliasText(node.raw("alias"));
    const term = surroundings.term(node.node("this"), scope);
    node.end(name);
    return { name, term };
  }
  const term = surroundings.term(node, scope);
  const { written } = term;
  if (written?.kind === "text" && /^[A-Za-z_]\w*$/.test(written.value)) return { name: written.value, term };
  throw new Refusal("PIVOT", "give each value an alias: IN ('a b' AS a_b)");
}

function aliasText(raw: unknown): string {
  if (typeof raw === "string") return raw;
  const text = JSON.stringify(raw);
  const value = /"value":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? /"name":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
  if (value === undefined) throw new Refusal("PIVOT", "an alias in it can't be read");
  return value;
}

/** The columns that a call names. */
function columnsIn(call: Node, scope: Scope, surroundings: Surroundings): readonly string[] {
  if (!call.has("this")) return [];
  const value = call.node("this");
  if (value.kind !== "column")
    throw new Refusal("PIVOT", "its aggregate functions can take a column only; compute it in a subquery");
  return [surroundings.term(value, scope).sql];
}

/** `UNPIVOT(value FOR name IN (a, b))`. */
export function unpivot(node: Node, read: ReadItem, surroundings: Surroundings): Item {
  const source = read(node.node("this"));
  const valueName = node.name("value_column");
  const nameName = node.name("name_column");
  const alias = node.name("alias");
  const scope = new Scope(source.relations, surroundings.outer, source.shared ?? []);
  const keepsNulls = node.flag("include_nulls");
  const pairs = node.nodes("columns").map((column) => {
    const inner = column.kind === "pivot_alias" ? column.node("this") : column;
    const label = column.kind === "pivot_alias" ? aliasText(column.raw("alias")) : inner.name("name");
    return { label, term: surroundings.term(inner, scope) };
  });
  node.raw("value_column_parenthesized");
  node.raw("alias_quoted");
  node.end("UNPIVOT");
  if (source.relations.some((relation) => relation.isOpen))
    return { sql: source.sql, relations: [{ alias, columns: [], isOpen: true }] };
  const { type, terms } = unify(
    "UNPIVOT",
    pairs.map(({ term }) => term),
  );
  const rest = scope.star().filter((column) => !pairs.some(({ term }) => term.sql === column.sql));
  const structs = pairs.map(
    ({ label }, index) => `struct_pack(v := ${terms[index]?.sql}, n := ${quoteText(label)})`,
  );
  const list = [
    ...rest.map(({ sql, name }) => `${sql} AS ${quoteName(name)}`),
    `u.pair.v AS ${quoteName(valueName)}`,
    `u.pair.n AS ${quoteName(nameName)}`,
  ];
  const where = keepsNulls ? "" : " WHERE u.pair.v IS NOT NULL";
  const columns = [...rest, { name: valueName, sql: "", type }, { name: nameName, sql: "", type: STRING }];
  const pairsSql = `(SELECT unnest([${structs.join(", ")}]) AS pair) AS u`;
  const sql = `SELECT ${list.join(", ")} FROM ${source.sql} CROSS JOIN LATERAL ${pairsSql}${where}`;
  return item(sql, alias, columns, surroundings);
}

function item(sql: string, alias: string, columns: readonly ScopeColumn[], surroundings: Surroundings): Item {
  const name = quoteName(alias === "" ? surroundings.environment.nextName() : alias);
  const relation: Relation = {
    alias,
    columns: columns.map((column) => ({
      name: column.name,
      sql: `${name}.${quoteName(column.name)}`,
      type: column.type,
    })),
  };
  const names = columns.map((column) => column.name);
  if (names.some((one, index) => names.findIndex((other) => isSameName(one, other)) !== index))
    throw new Refusal("PIVOT", "two of its columns have the same name");
  return { sql: `(${sql}) AS ${name}`, relations: [relation] };
}
