import type { JsonObject } from "../../core/json.ts";
import type { Sql } from "../../ports/warehouse.ts";
import { refusal } from "./errors.ts";

/** Texts, quoted names and comments of GoogleSQL, whose contents mean nothing; else a parameter or the end of a statement. */
const tokens =
  /'''(?:\\[\s\S]|[\s\S])*?'''|"""(?:\\[\s\S]|[\s\S])*?"""|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\\n])*`|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|@@?[A-Za-z_]\w*|;/g;

/** The text for BigQuery. Throws `SQL_FAILED`. */
export function sqlOf(sql: Sql): string {
  const text = typeof sql === "string" ? sql : sql.bigquery;
  if (text === undefined) throw refusal("SQL_FAILED", 'There is no SQL for BigQuery: add "bigquery" to it');
  return text;
}

/** Throws `SQL_FAILED` unless the SQL asks for all the parameters and no others: BigQuery does not mind unused ones. */
export function checkParameters(sql: string, parameters: JsonObject): void {
  const found = [...sql.matchAll(tokens)].map(([token]) => token).filter((token) => /^@[^@]/.test(token));
  const wanted = new Set(found.map((token) => token.slice(1).toLowerCase()));
  const given = Object.keys(parameters).map((name) => name.toLowerCase());
  const missing = [...wanted].filter((name) => !given.includes(name));
  const unused = given.filter((name) => !wanted.has(name));
  if (missing.length > 0)
    throw refusal("SQL_FAILED", `The SQL asks for @${missing.join(", @")}, which the parameters do not give`);
  if (unused.length > 0) throw refusal("SQL_FAILED", `The SQL has no parameter @${unused.join(", @")}`);
}

/** The text with each use of a parameter replaced by what is given for its name. */
export function replaceParameters(sql: string, replacement: (name: string) => string): string {
  return sql.replace(tokens, (token) => (/^@[^@]/.test(token) ? replacement(token.slice(1)) : token));
}

/** One statement without the semicolon at its end and what follows it, so that it can stand in brackets. */
export function withoutEnd(statement: string): string {
  const end = [...statement.matchAll(tokens)].find(([token]) => token === ";");
  return end ? statement.slice(0, end.index) : statement;
}
