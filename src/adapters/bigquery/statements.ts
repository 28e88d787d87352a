import { columnsProblem, namesMissingFrom } from "../../core/values/text.ts";
import type { Destination } from "../../ports/warehouse.ts";
import { finalFailure } from "./api.ts";
import type { TableSchema } from "./jobs.ts";

/** Prefix of all tables that Baton creates for itself. */
export const internalPrefix = "_baton_";

/** Names a table in BigQuery's requests. */
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

function quoteIdentifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

function quoteLiteral(text: string): string {
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
    throw finalFailure(
      "TASK_PARAMETERS_INVALID",
      `${JSON.stringify(name)} is not a table name: use letters, digits and "_", as in sales or shop.sales`,
    );
  if (tableId.toLowerCase().startsWith(internalPrefix))
    throw finalFailure("TASK_PARAMETERS_INVALID", `Tables that begin with ${internalPrefix} belong to Baton`);
  return { name, reference: { projectId, datasetId: match?.[1] ?? defaultDataset, tableId } };
}

type ColumnNames = readonly string[];

export function columnNames(schema: TableSchema): ColumnNames {
  return schema.fields.map(({ name }) => name);
}

/** Throws `TABLE_MISMATCH` unless both have the same columns, in any order and letter case. */
export function assertSameColumns(table: Table, existing: ColumnNames, incoming: ColumnNames): void {
  const problem = columnsProblem(existing, incoming);
  if (problem !== undefined)
    throw finalFailure("TABLE_MISMATCH", `The columns do not fit table ${table.name}; ${problem}`);
}

/** Throws `TABLE_MISMATCH` if a key column of a merge is missing. */
export function assertKeyColumns(into: Destination, incoming: ColumnNames): void {
  if (into.mode !== "merge") return;
  if (into.key.length === 0) throw finalFailure("TASK_PARAMETERS_INVALID", "Mode merge needs a key");
  const missing = namesMissingFrom(into.key, incoming);
  if (missing.length > 0)
    throw finalFailure(
      "TABLE_MISMATCH",
      `The rows have no column ${missing.join(", ")}, which is a key column of the merge into ${into.table}`,
    );
}

/** Beginnings of the errors that Baton's own statements raise. */
export const invalidKey = "the key is empty";
export const sameKey = "different rows have the same key";
export const replacedFile = "the file was replaced or removed";

/** A statement that fails with this message, and so ends its run: the next attempt begins another one. */
export function failingStatement(message: string): string {
  return `SELECT ERROR(${quoteLiteral(message)})`;
}

const rowNumber = "_baton_row";

/** Selects the rows of a staging table. With a key, only the last row of each key. */
export function stagedRows(stage: string, columns: ColumnNames, key: ColumnNames | undefined): string {
  const names = columns.map(quoteIdentifier).join(", ");
  if (!key) return `SELECT ${names} FROM ${stage}`;
  const number = quoteIdentifier(rowNumber);
  return `SELECT ${names} FROM (SELECT ${names}, ROW_NUMBER() OVER () AS ${number} FROM ${stage}) AS numbered
WHERE true
QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key.map(quoteIdentifier).join(", ")} ORDER BY ${number} DESC) = 1`;
}

/** Adds the rows of a SELECT to a table. By position, because a column may have no name that SQL can use. */
export function insertStatement(target: string, columns: ColumnNames, source: string): string {
  const names = columns.map(quoteIdentifier).join(", ");
  return `INSERT INTO ${target} (${names})\nSELECT * FROM (\n${source}\n)`;
}

/**
 * Updates the rows that have a key of the SELECT, and adds its other rows. BigQuery's queries have no order, so no row
 * of a key is the last: equal rows count once, and different rows with the same key fail the statement.
 */
export function mergeStatement(
  target: string,
  key: ColumnNames,
  columns: ColumnNames,
  source: string,
): string {
  const keys = key.map(quoteIdentifier);
  const otherColumns = namesMissingFrom(columns, key).map(quoteIdentifier);
  const names = columns.map(quoteIdentifier);
  const updates = otherColumns.map((name) => `${name} = incoming.${name}`).join(", ");
  const updateClause = updates === "" ? "" : `WHEN MATCHED THEN UPDATE SET ${updates}\n`;
  const sameKeyWindow = `OVER (PARTITION BY ${keys.join(", ")})`;
  const label = `(${key.join(", ")})`;
  const isKeyNull = keys.map((name) => `${name} IS NULL`).join(" OR ");
  return `MERGE INTO ${target} AS kept
USING (
  SELECT * FROM (
${source}
  ) AS source_row
  WHERE true
  QUALIFY CASE
    WHEN ${isKeyNull} THEN ERROR(${quoteLiteral(`${invalidKey} ${label}`)})
    WHEN MIN(TO_JSON_STRING(source_row)) ${sameKeyWindow} <> MAX(TO_JSON_STRING(source_row)) ${sameKeyWindow}
      THEN ERROR(${quoteLiteral(`${sameKey} ${label}`)})
    ELSE ROW_NUMBER() ${sameKeyWindow} = 1
  END
) AS incoming
ON ${keys.map((name) => `kept.${name} = incoming.${name}`).join(" AND ")}
${updateClause}WHEN NOT MATCHED THEN INSERT (${names.join(", ")})
  VALUES (${names.map((name) => `incoming.${name}`).join(", ")})`;
}
