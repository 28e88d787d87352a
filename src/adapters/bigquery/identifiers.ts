import { columnsProblem, without } from "../../core/archive-key.ts";
import type { Destination } from "../../ports/warehouse.ts";
import { refusal } from "./errors.ts";
import type { TableSchema } from "./jobs.ts";

/** Everything of Baton's own in the warehouse begins with this. */
export const internalPrefix = "_baton_";

/** Where a table is, as BigQuery's requests name it. */
export interface TableReference {
  readonly projectId: string;
  readonly datasetId: string;
  readonly tableId: string;
}

export interface Table {
  /** As the author wrote it. */
  readonly name: string;
  readonly reference: TableReference;
}

export function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
}

export function quoteTable({ projectId, datasetId, tableId }: TableReference): string {
  return [projectId, datasetId, tableId].map(quoteIdentifier).join(".");
}

/** `table` or `dataset.table`. Throws `TASK_PARAMETERS_INVALID` for anything else. */
export function parseTable(name: string, projectId: string, defaultDataset: string): Table {
  const match = /^(?:([A-Za-z0-9_]{1,1024})\.)?([\p{L}_][\p{L}\p{N}_]{0,127})$/u.exec(name);
  const tableId = match?.[2];
  if (tableId === undefined)
    throw refusal(
      "TASK_PARAMETERS_INVALID",
      `${JSON.stringify(name)} is not a table name: use letters, digits and "_", as in sales or shop.sales`,
    );
  if (tableId.toLowerCase().startsWith(internalPrefix))
    throw refusal("TASK_PARAMETERS_INVALID", `Tables that begin with ${internalPrefix} belong to Baton`);
  return { name, reference: { projectId, datasetId: match?.[1] ?? defaultDataset, tableId } };
}

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
