import { quoteIdentifier } from "./statements.ts";

/** A DuckDB type: a scalar such as `DECIMAL(18,3)`, the fields of a struct, or the items of a list. */
export type TypeTree =
  | { readonly kind: "scalar"; readonly name: string }
  | { readonly kind: "struct"; readonly fields: readonly (readonly [string, TypeTree])[] }
  | { readonly kind: "list"; readonly item: TypeTree; readonly suffix: string };

/** Parses a type as DuckDB prints it. Enums, unions and maps become scalars with their whole text as the name. */
export function parseType(text: string): TypeTree {
  const list = /\[\d*\]$/.exec(text);
  if (list) return { kind: "list", item: parseType(text.slice(0, list.index)), suffix: list[0] };
  const struct = /^STRUCT\((.*)\)$/s.exec(text)?.[1];
  if (struct === undefined) return { kind: "scalar", name: text };
  return { kind: "struct", fields: splitFields(struct).map(parseField) };
}

export function typeText(tree: TypeTree): string {
  if (tree.kind === "scalar") return tree.name;
  if (tree.kind === "list") return `${typeText(tree.item)}${tree.suffix}`;
  return `STRUCT(${tree.fields.map(([name, type]) => `${quoteIdentifier(name)} ${typeText(type)}`).join(", ")})`;
}

/** Maps the name of each scalar. `beside`: the scalar at the same path of another type, if it has one there. */
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
    fields: tree.fields.map(([name, type]) => [name, mapScalars(type, findField(beside, name), map)]),
  };
}

/** Paths of the struct fields that only the first type has. */
export function extraFields(tree: TypeTree, other: TypeTree, path: string): readonly string[] {
  if (tree.kind === "list" && other.kind === "list") return extraFields(tree.item, other.item, path);
  if (tree.kind !== "struct" || other.kind !== "struct") return [];
  return tree.fields.flatMap(([name, type]) => {
    const found = findField(other, name);
    return found ? extraFields(type, found, `${path}.${name}`) : [`${path}.${name}`];
  });
}

function findField(tree: TypeTree | undefined, name: string): TypeTree | undefined {
  if (tree?.kind !== "struct") return undefined;
  return tree.fields.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

/** Splits at the commas outside of brackets and quoted names. */
function splitFields(text: string): readonly string[] {
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
