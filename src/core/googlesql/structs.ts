import { Refusal } from "./refusal.ts";
import { fieldSql, type Term } from "./terms.ts";
import { duckDbType, fieldName, isSameName, JSON_TYPE, quoteName, UNKNOWN } from "./types.ts";

/** A field of a field … of a column. */
export function fields(start: Term, path: readonly string[]): Term {
  let term: Term = start.type.kind === "UNKNOWN" ? { sql: start.sql, type: UNKNOWN } : start;
  for (const name of path) term = fieldOf(term, name);
  return term;
}

export function fieldOf(term: Term, name: string): Term {
  if (term.type.kind === "UNKNOWN") return term;
  if (term.type.kind === "JSON" && /^\w+$/.test(name))
    return { sql: `json_extract(${term.sql}, '$."${name}"')`, type: JSON_TYPE };
  if (term.type.kind !== "STRUCT") throw new Refusal(name, `there is no field ${name}`);
  const found = term.type.fields.flatMap((field, index) =>
    isSameName(field.name, name) ? [{ field, index }] : [],
  );
  const [only, second] = found;
  if (!only || second) throw new Refusal(name, `there ${second ? "are two fields" : "is no field"} ${name}`);
  return {
    sql: fieldSql(term.sql, fieldName(only.field, only.index)),
    type: only.field.type,
    ...(term.isVolatile && { isVolatile: true }),
  };
}

/** STRUCT(…) with its fields. */
export function structOf(parts: readonly { readonly name: string; readonly term: Term }[]): Term {
  if (parts.length === 0) throw new Refusal("STRUCT", "an empty STRUCT is not supported");
  const fields = parts.map(({ name, term }) => ({ name, type: term.type }));
  const names = fields.map((field, index) => fieldName(field, index).toLowerCase());
  if (new Set(names).size !== names.length)
    throw new Refusal("STRUCT", "two fields of the same name are not supported");
  const sql = parts.map(({ term }, index) => {
    const value = term.written?.kind === "null" ? `CAST(NULL AS ${duckDbType(term.type)})` : term.sql;
    return `${quoteName(fieldName(fields[index] ?? { name: "", type: term.type }, index))} := ${value}`;
  });
  return { sql: `struct_pack(${sql.join(", ")})`, type: { kind: "STRUCT", fields } };
}
