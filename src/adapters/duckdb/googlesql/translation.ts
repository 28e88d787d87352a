import type { KnownTable } from "../../../core/googlesql/queries/surroundings.ts";
import { tablesIn, translateGoogleSql } from "../../../core/googlesql/translate.ts";
import * as types from "../../../core/googlesql/types.ts";
import type { JsonObject } from "../../../core/values/json.ts";
import { inferParameterType, type ParameterType } from "../../../core/values/parameter-type.ts";
import { parseTable, permanentError, type Statements } from "../statements.ts";
import { describeRefusal, parseGoogleSql } from "./parser.ts";

/**
 * Translates a text in GoogleSQL for the tables of this database, and creates the temporary macros that the result
 * uses: they belong to the connection. Throws `SQL_UNSUPPORTED`, `SQL_FAILED` and `GOOGLESQL_PARSER_MISSING`.
 */
export async function translate(
  statements: Statements,
  text: string,
  parameters: JsonObject,
): Promise<string> {
  const parsed = await parseGoogleSql(text);
  if ("problem" in parsed) throw permanentError("SQL_FAILED", `The SQL failed: ${parsed.problem}`);
  const tables = await findTables(statements, tablesIn(parsed.tree));
  const translation = translateGoogleSql({
    ...parsed,
    known: { tables: (path) => tables.get(tableName(path)), parameters: parameterTypes(parameters) },
  });
  if (!translation.ok) {
    const reason = describeRefusal(translation);
    throw translation.refusal.isMistake
      ? permanentError("SQL_FAILED", `The SQL failed: ${reason}`)
      : permanentError("SQL_UNSUPPORTED", `The SQL is not run on DuckDB: ${reason}`);
  }
  const unused = Object.keys(parameters).filter((name) => !translation.parameters.has(name));
  if (unused.length > 0)
    throw permanentError("SQL_FAILED", `The SQL has no parameter @${unused.join(", @")}`);
  for (const macro of translation.macros) await statements.run(macro);
  return translation.sql;
}

/** `dataset.table` or `table`. A project before them is that of the other engine. */
function tableName(path: readonly string[]): string {
  return path.slice(-2).join(".").toLowerCase();
}

async function findTables(
  statements: Statements,
  paths: readonly (readonly string[])[],
): Promise<ReadonlyMap<string, KnownTable>> {
  const found = new Map<string, KnownTable>();
  for (const name of new Set(paths.map(tableName))) {
    if (!/^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}_][\p{L}\p{N}_]*)?$/u.test(name)) continue;
    const table = parseTable(name);
    const columns = await statements.findColumns(table);
    if (!columns) continue;
    found.set(name, {
      sql: await statements.qualified(table),
      columns: columns.map((column) => ({ name: column.name, type: types.typeOfColumn(column.type) })),
    });
  }
  return found;
}

function parameterTypes(parameters: JsonObject): ReadonlyMap<string, types.Type | "null"> {
  return new Map(
    Object.entries(parameters).map(([name, value]) => [name, toType(inferParameterType(`@${name}`, value))]),
  );
}

const simple = {
  text: types.STRING,
  boolean: types.BOOL,
  integer: types.INT64,
  real: types.FLOAT64,
} as const;

function toType(type: ParameterType): types.Type | "null" {
  switch (type.kind) {
    case "null":
      return "null";
    case "list":
      return types.arrayOf(itemType(type.items));
    case "struct":
      return {
        kind: "STRUCT",
        fields: type.fields.map((field) => ({ name: field.name, type: itemType(field.type) })),
      };
    default:
      return simple[type.kind];
  }
}

/** A null inside of a value is text, as for BigQuery. */
function itemType(type: ParameterType): types.Type {
  const found = toType(type);
  return found === "null" ? types.STRING : found;
}
