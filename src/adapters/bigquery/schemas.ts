import type { Destination } from "../../ports/warehouse.ts";
import { refusal } from "./errors.ts";
import type { Table } from "./identifiers.ts";
import type { TableSchema } from "./jobs.ts";

/** Names of columns. */
export type Names = readonly string[];

export function namesOf(schema: TableSchema): Names {
  return schema.fields.map(({ name }) => name);
}

/** Throws `TABLE_MISMATCH` unless both have the same columns, in any order and case. */
export function checkColumns(table: Table, existing: Names, incoming: Names): void {
  const added = without(incoming, existing);
  const missing = without(existing, incoming);
  if (added.length + missing.length === 0) return;
  const problems = [
    added.length > 0 ? `not in the table: ${added.join(", ")}` : "",
    missing.length > 0 ? `only in the table: ${missing.join(", ")}` : "",
  ].filter((problem) => problem !== "");
  throw refusal("TABLE_MISMATCH", `The columns do not fit table ${table.name}; ${problems.join("; ")}`);
}

/** Throws `TABLE_MISMATCH` when a key column is not among the columns. */
export function checkKey(into: Destination, incoming: Names): void {
  if (into.mode !== "merge") return;
  if (into.key.length === 0) throw refusal("TASK_PARAMETERS_INVALID", "Mode merge needs a key");
  const missing = without(into.key, incoming);
  if (missing.length > 0)
    throw refusal(
      "TABLE_MISMATCH",
      `There is no key column ${missing.join(", ")} to merge into ${into.table} by`,
    );
}

export function without(names: Names, others: Names): Names {
  return names.filter((name) => !others.some((other) => other.toLowerCase() === name.toLowerCase()));
}
