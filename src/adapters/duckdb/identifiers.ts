import { refusal } from "./errors.ts";

/** Everything of Baton's own in the warehouse begins with this. */
const internalPrefix = "_baton_";

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export interface Table {
  /** As the author wrote it. */
  readonly name: string;
  readonly schema: string;
  readonly table: string;
}

/** `table` or `schema.table`. Throws `TASK_PARAMETERS_INVALID` for anything else. */
export function parseTable(name: string): Table {
  const part = "[\\p{L}_][\\p{L}\\p{N}_]{0,127}";
  const match = new RegExp(`^(?:(${part})\\.)?(${part})$`, "u").exec(name);
  const table = match?.[2];
  if (table === undefined)
    throw refusal(
      "TASK_PARAMETERS_INVALID",
      `${JSON.stringify(name)} is not a table name: use letters, digits and "_", as in sales or shop.sales`,
    );
  if (table.toLowerCase().startsWith(internalPrefix))
    throw refusal("TASK_PARAMETERS_INVALID", `Tables that begin with ${internalPrefix} belong to Baton`);
  return { name, schema: match?.[1] ?? "main", table };
}
