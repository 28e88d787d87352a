import { quoteIdentifier } from "./statements.ts";

/** A type of DuckDB's: a scalar such as `DECIMAL(18,3)`, the fields of a struct, or the items of a list. */
export type TypeTree =
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [string, TypeTree])[] }
  | { readonly kind: "list"; readonly item: TypeTree; readonly suffix: string };

/** The type as DuckDB writes it. What it writes of enums, unions and maps is kept as it is. */
export function parseType(text: string): TypeTree {
  const list = /\[\d*\]$/.exec(text);
  if (list) return { kind: "list", item: parseType(text.slice(0, list.index)), suffix: list[0] };
  const struct = /^STRUCT\((.*)\)$/s.exec(text)?.[1];
  if (struct === undefined) return { kind: "scalar", name: text };
  return { kind: "struct", fields: partsOf(struct).map(parseField) };
}

export function typeText(tree: TypeTree): string {
  if (tree.kind === "scalar") return tree.name;
  if (tree.kind === "list") return `${typeText(tree.item)}${tree.suffix}`;
  return `STRUCT(${tree.fields.map(([name, type]) => `${quoteIdentifier(name)} ${typeText(type)}`).join(", ")})`;
}

/** Another name for each scalar. `beside`: the type at the same place of another tree, where it has a scalar. */
export function mapScalars(
  tree: TypeTree,
  beside: TypeTree | undefined,
  map: (name: string, beside: string | undefined) => string,
): TypeTree {
  if (tree.kind === "scalar")
    return { kind: "scalar", name: map(tree.name, beside?.kind === "scalar" ? beside.name : undefined) };
  if (tree.kind === "list") {
    const other = beside?.kind === "list" ? beside.item : undefined;
    return { ...tree, item: mapScalars(tree.item, other, map) };
  }
  return {
    kind: "struct",
    fields: tree.fields.map(([name, type]) => [name, mapScalars(type, fieldOf(beside, name), map)]),
  };
}

/** Paths of the fields inside objects that only the first type has. */
export function fieldsBeyond(tree: TypeTree, other: TypeTree, path: string): readonly string[] {
  if (tree.kind === "list" && other.kind === "list") return fieldsBeyond(tree.item, other.item, path);
  if (tree.kind !== "struct" || other.kind !== "struct") return [];
  return tree.fields.flatMap(([name, type]) => {
    const found = fieldOf(other, name);
    return found ? fieldsBeyond(type, found, `${path}.${name}`) : [`${path}.${name}`];
  });
}

function fieldOf(tree: TypeTree | undefined, name: string): TypeTree | undefined {
  if (tree?.kind !== "struct") return undefined;
  return tree.fields.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

/** Parts between commas that stand in no brackets and no quoted name. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = "";
  for (const [token] of text.matchAll(/"(?:[^"]|"")*"|'(?:[^']|'')*'|[(),]|[^"'(),]+/g)) {
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (token === "," && depth === 0) {
      parts.push(part.trim());
      part = "";
    } else part += token;
  }
  return [...parts, part.trim()];
}

function parseField(text: string): readonly [string, TypeTree] {
  const [, quoted, bare = "", type = ""] = /^(?:"((?:[^"]|"")*)"|(\S+))\s+(.*)$/s.exec(text) ?? [];
  return [quoted?.replaceAll('""', '"') ?? bare, parseType(type)];
}
