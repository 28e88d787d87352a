import * as z from "zod";
import type { ColumnKind, TableKind } from "../../core/files/column-kinds.ts";
import type { JsonFieldType, JsonType } from "../../core/files/json-schema.ts";
import { finalFailure } from "./api.ts";

/** Written for NULL in files that Baton uploads. No cell of a file is this text. */
export const nullText = "\u0001NULL\u0001";

type Field = { readonly name: string; readonly type: string; readonly mode: string };

const typeOfKind: Readonly<Record<ColumnKind, string>> = {
  boolean: "BOOL",
  integer: "INT64",
  decimal: "FLOAT64",
  date: "DATE",
  timestamp: "TIMESTAMP",
  text: "STRING",
};

/** The texts of all other types are checked by BigQuery alone. */
const kindByType: ReadonlyMap<string, TableKind> = new Map<string, TableKind>([
  ["BOOL", "boolean"],
  ["BOOLEAN", "boolean"],
  ["INT64", "integer"],
  ["INTEGER", "integer"],
  ["FLOAT64", "decimal"],
  ["FLOAT", "decimal"],
  ["NUMERIC", "number"],
  ["BIGNUMERIC", "number"],
  ["DATE", "date"],
  ["TIMESTAMP", "timestamp"],
  ["STRING", "text"],
]);

/** What the texts of a file have to be for a column of this type. */
export function kindOfType(type: string): TableKind {
  return kindByType.get(type) ?? "other";
}

/** The schema of a new table for a CSV file. */
export function toCsvFields(names: readonly string[], kinds: readonly TableKind[]): Field[] {
  return names.map((name, index) => {
    const kind = kinds[index] ?? "text";
    const type = kind === "number" || kind === "other" ? "STRING" : typeOfKind[kind];
    return { name, type, mode: "NULLABLE" };
  });
}

/** The schema of a new table for a JSON file. Throws `FILE_UNREADABLE` for lists of lists. */
export function toJsonFields(fields: readonly JsonFieldType[]): Field[] {
  return fields.map(({ name, type }) => toField(name, type));
}

function toField(name: string, type: JsonType): Field {
  if (type.kind === "list") return { ...toField(name, type.item), mode: toListMode(name, type.item) };
  if (type.kind !== "object") return { name, type: scalarType(type.kind), mode: "NULLABLE" };
  const record = { name, type: "RECORD", mode: "NULLABLE", fields: toJsonFields(type.fields) };
  return record;
}

function toListMode(name: string, item: JsonType): string {
  if (item.kind !== "list") return "REPEATED";
  throw finalFailure("FILE_UNREADABLE", `The field "${name}" is a list of lists, which BigQuery has not`);
}

function scalarType(kind: Exclude<JsonType["kind"], "list" | "object">): string {
  return kind === "json" ? "JSON" : typeOfKind[kind];
}

const FieldsSchema = z.object({ fields: z.array(z.looseObject({ name: z.string() })) });

/** The paths of the fields that a file has and its table lacks, in objects and lists of objects too. */
export function unknownFields(
  fields: readonly JsonFieldType[],
  table: readonly { readonly name: string }[],
  path = "",
): readonly string[] {
  return fields.flatMap(({ name, type }) => {
    const known = table.find((other) => other.name.toLowerCase() === name.toLowerCase());
    if (!known) return [`${path}${name}`];
    const item = type.kind === "list" ? type.item : type;
    const inside = FieldsSchema.safeParse(known).data?.fields;
    return item.kind === "object" && inside ? unknownFields(item.fields, inside, `${path}${name}.`) : [];
  });
}
