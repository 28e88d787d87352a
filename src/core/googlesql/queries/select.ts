import { isAggregate } from "../expressions/aggregates.ts";
import { Refusal, UnknownName } from "../refusal.ts";
import { fieldOf, structOf } from "../structs.ts";
import { expect, isNull, type OutputColumn, type Query, type Term } from "../terms.ts";
import { isRecord, Node } from "../tree.ts";
import { BOOL, duckDbType, isSameName, quoteName, typeName } from "../types.ts";
import { type From, from } from "./from.ts";
import {
  assertDistinct,
  groupBy,
  limit,
  orderOutput,
  orderSelect,
  type SelectItem,
} from "./order-and-group.ts";
import { internalNames, Scope, type ScopeColumn } from "./scope.ts";
import { Surroundings } from "./surroundings.ts";

/** A SELECT with all its clauses. */
export function select(node: Node, before: Surroundings): Query {
  const fromNode = node.clause("FROM");
  const windows = windowsOf(node);
  const surroundings = new Surroundings(before.environment, before.tables, before.outer, windows);
  const source = fromNode ? from(fromNode, node.parts("joins"), surroundings) : emptyFrom;
  const scope = new Scope(source.relations, before.outer, source.shared);
  const items = node
    .list("expressions")
    .flatMap((raw) => selectItems(Node.from(raw), raw, scope, surroundings));
  const isDistinct = node.flag("distinct");
  const kind = node.text("kind");
  if (kind !== "" && kind !== "STRUCT") throw new Refusal(`SELECT AS ${kind}`, "it is not supported");
  const aliases = items.flatMap(({ name, isAnonymous, term }) => (isAnonymous ? [] : [{ name, term }]));
  const early = scope.withAliases({ items: aliases, areFirst: true });
  const clauses = [
    clause("WHERE", node.part("where_clause"), scope, surroundings),
    groupBy(node.part("group_by"), items, early, surroundings),
    clause("HAVING", node.part("having"), early, surroundings),
    clause("QUALIFY", node.part("qualify"), early, surroundings),
  ].filter((text) => text !== "");
  const columns = items.map(outputColumn);
  const internal = internalNames(columns);
  const list =
    kind === "STRUCT"
      ? [`${structOf(items.map(structPart)).sql} AS item`]
      : items.map((item, index) => itemSql(item, internal[index] ?? ""));
  const core = [
    `SELECT ${isDistinct ? "DISTINCT " : ""}${list.join(", ")}`,
    ...(source.sql === "" ? [] : [`FROM ${source.sql}`]),
    ...clauses,
  ].join(" ");
  if (isDistinct) assertDistinct(columns);
  const isOpen = source.relations.some((relation) => relation.isOpen);
  const order = node.part("order_by");
  const ordered =
    isDistinct && order
      ? orderOutput(core, order, { columns, internal, items, scope: early }, surroundings)
      : `${core}${order ? orderSelect(order, items, early, surroundings) : ""}`;
  const sql = `${ordered}${limit(node, surroundings)}`;
  node.raw("star_except");
  node.end("SELECT");
  const struct = kind === "STRUCT" ? structOf(items.map(structPart)).type : undefined;
  return {
    sql,
    columns: struct ? [{ name: "item", isAnonymous: true, type: struct }] : columns,
    ...(struct && { struct }),
    ...(isOpen && { isOpen }),
  };
}

const emptyFrom: From = { sql: "", relations: [], shared: [] };

function outputColumn({ name, isAnonymous, term }: SelectItem): OutputColumn {
  return { name, isAnonymous, type: term.type, ...(isNull(term) && { isNull: true }) };
}

function structPart({ name, isAnonymous, term }: SelectItem): { readonly name: string; readonly term: Term } {
  return { name: isAnonymous ? "" : name, term };
}

function itemSql({ term }: SelectItem, name: string): string {
  const sql =
    term.written?.kind === "null"
      ? `CAST(NULL AS ${duckDbType(term.type)})`
      : term.written?.kind === "empty"
        ? `CAST([] AS ${duckDbType(term.type)})`
        : term.sql;
  return `${sql} AS ${quoteName(name)}`;
}

function windowsOf(node: Node): ReadonlyMap<string, () => Node> {
  return new Map(
    node.parts("windows").map((part) => {
      const name = part.name("name");
      const spec = part.raw("spec");
      part.end(name);
      return [name, () => new Node("over", spec)];
    }),
  );
}

function clause(word: string, node: Node | undefined, scope: Scope, surroundings: Surroundings): string {
  if (!node) return "";
  const inner = node.node("this");
  node.end(word);
  return `${word} ${expect(word, surroundings.term(inner, scope), BOOL).sql}`;
}

function selectItems(
  node: Node,
  raw: unknown,
  scope: Scope,
  surroundings: Surroundings,
): readonly SelectItem[] {
  if (node.kind === "star") return star(node, scope, surroundings);
  const hasAggregate = containsAggregate(raw);
  if (node.kind === "alias") {
    const name = node.name("alias");
    const inner = node.node("this");
    node.end(name);
    return [{ name, isAnonymous: false, term: surroundings.term(inner, scope), hasAggregate }];
  }
  const name = impliedName(node);
  return [{ name, isAnonymous: name === "", term: surroundings.term(node, scope), hasAggregate }];
}

function impliedName(node: Node): string {
  if (node.kind === "column") return node.name("name").startsWith("@") ? "" : node.name("name");
  return node.kind === "dot" ? node.name("field") : "";
}

/** Whether an aggregate function is in it, outside of subqueries and OVER. */
function containsAggregate(raw: unknown): boolean {
  if (Array.isArray(raw)) return raw.some(containsAggregate);
  if (!isRecord(raw)) return false;
  return Object.entries(raw).some(([key, value]) => {
    if (key === "subquery" || key === "exists" || key === "select") return false;
    if (key === "window_function" && isRecord(value))
      return Object.values(isRecord(value.this) ? value.this : {}).some(containsAggregate);
    return (isRecord(value) && isAggregate(new Node(key, {})) && key.length > 2) || containsAggregate(value);
  });
}

/** `*`, `t.*` and `t.column.*`, with EXCEPT and REPLACE. */
function star(node: Node, scope: Scope, surroundings: Surroundings): readonly SelectItem[] {
  const table = node.name("table");
  const except = node.parts("except").map((part) => part.name("name"));
  const replace = node.parts("replace").map((part) => {
    const name = part.name("alias");
    const inner = part.node("this");
    part.end(name);
    return { name, term: surroundings.term(inner, scope) };
  });
  node.end("*");
  const columns = table === "" ? scope.star() : columnsOf(table.split("."), scope);
  const isOpen = scope.relations.some((relation) => relation.isOpen);
  if (columns.length === 0 && !isOpen) throw new Refusal("*", "there are no columns");
  for (const name of [...except, ...replace.map((one) => one.name)])
    if (!isOpen && !columns.some((column) => isSameName(column.name, name)))
      throw new UnknownName(name, `there is no column ${name} in *`);
  return columns
    .filter((column) => !except.some((name) => isSameName(name, column.name)))
    .map((column) => {
      const changed = replace.find(({ name }) => isSameName(name, column.name));
      return {
        name: column.name,
        isAnonymous: column.isAnonymous ?? false,
        term: changed?.term ?? { sql: column.sql, type: column.type },
        hasAggregate: false,
      };
    });
}

function columnsOf(path: readonly string[], scope: Scope): readonly ScopeColumn[] {
  const [first = ""] = path;
  const relation =
    path.length === 1 ? scope.relations.find((one) => isSameName(one.alias, first)) : undefined;
  if (relation && (!relation.value || relation.value.type.kind === "STRUCT")) return relation.columns;
  const value = scope.resolve(path);
  if (value.type.kind === "UNKNOWN") return [];
  if (value.type.kind !== "STRUCT")
    throw new Refusal(`${path.join(".")}.*`, `it is no STRUCT but ${typeName(value.type)}`);
  return value.type.fields.map((field) => ({
    name: field.name,
    isAnonymous: field.name === "",
    ...fieldOf(value, field.name),
  }));
}
