import { columnsProblem, without } from "../../core/archive-key.ts";
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
  const problem = columnsProblem(existing, incoming);
  if (problem !== undefined)
    throw refusal("TABLE_MISMATCH", `The columns do not fit table ${table.name}; ${problem}`);
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
