import { without } from "../../core/archive-key.ts";
import { type Names, quoteIdentifier, quoteLiteral } from "./identifiers.ts";

/** How the errors begin that our own statements raise. */
export const emptyKey = "the key is empty";
export const sameKey = "different rows have the same key";

const rowNumber = "_baton_row";

/** The rows of a stage; with a key, of those with the same key the last one only. */
export function stagedRows(stage: string, columns: Names, key: Names | undefined): string {
  const names = columns.map(quoteIdentifier).join(", ");
  if (!key) return `SELECT ${names} FROM ${stage}`;
  const number = quoteIdentifier(rowNumber);
  return `SELECT ${names} FROM (SELECT ${names}, ROW_NUMBER() OVER () AS ${number} FROM ${stage}) AS numbered
WHERE true
QUALIFY ROW_NUMBER() OVER (PARTITION BY ${key.map(quoteIdentifier).join(", ")} ORDER BY ${number} DESC) = 1`;
}

/** Adds the rows of a SELECT to a table, by name of column. */
export function insertStatement(target: string, columns: Names, source: string): string {
  const names = columns.map(quoteIdentifier).join(", ");
  return `INSERT INTO ${target} (${names})\nSELECT ${names} FROM (\n${source}\n)`;
}

/**
 * Updates the rows whose key a SELECT has, and adds its other rows. BigQuery's queries have no order to go by, so
 * none of several rows with the same key is the last: rows that are alike in everything count once, others end the statement.
 */
export function mergeStatement(target: string, key: Names, columns: Names, source: string): string {
  const keys = key.map(quoteIdentifier);
  const rest = without(columns, key).map(quoteIdentifier);
  const names = columns.map(quoteIdentifier);
  const updates = rest.map((name) => `${name} = incoming.${name}`).join(", ");
  const sameKeyWindow = `OVER (PARTITION BY ${keys.join(", ")})`;
  const label = `(${key.join(", ")})`;
  return `MERGE INTO ${target} AS kept
USING (
  SELECT * FROM (
${source}
  ) AS source_row
  WHERE true
  QUALIFY CASE
    WHEN ${keys.map((name) => `${name} IS NULL`).join(" OR ")} THEN ERROR(${quoteLiteral(`${emptyKey} ${label}`)})
    WHEN MIN(TO_JSON_STRING(source_row)) ${sameKeyWindow} <> MAX(TO_JSON_STRING(source_row)) ${sameKeyWindow}
      THEN ERROR(${quoteLiteral(`${sameKey} ${label}`)})
    ELSE ROW_NUMBER() ${sameKeyWindow} = 1
  END
) AS incoming
ON ${keys.map((name) => `kept.${name} = incoming.${name}`).join(" AND ")}
${rest.length > 0 ? `WHEN MATCHED THEN UPDATE SET ${updates}\n` : ""}WHEN NOT MATCHED THEN INSERT (${names.join(", ")})
  VALUES (${names.map((name) => `incoming.${name}`).join(", ")})`;
}
