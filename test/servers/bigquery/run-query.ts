import { type DuckDBType, type DuckDBValue, StatementType } from "@duckdb/node-api";
import * as z from "zod";
import { refuseNullItems } from "./cells.ts";
import { inferredType, requireCoercible } from "./coercion.ts";
import { type Bound, type Database, quoted, type Selected } from "./database.ts";
import { translate } from "./dialect.ts";
import { BigQueryProblem, ofQuery } from "./problems.ts";
import { boundType, boundValue, type Field, ParameterSchema, type ParameterType } from "./types.ts";

const ReferenceSchema = z.object({ datasetId: z.string(), tableId: z.string() });
export const QuerySchema = z.object({
  query: z.string(),
  useLegacySql: z.literal(false),
  defaultDataset: z.object({ datasetId: z.string() }),
  queryParameters: z.array(ParameterSchema).default([]),
  destinationTable: ReferenceSchema.optional(),
  writeDisposition: z.string().default("WRITE_EMPTY"),
  maximumBytesBilled: z.coerce.number().optional(),
});
export type Query = z.infer<typeof QuerySchema>;

/** The least that is billed for a query; here it is the most too, for tables of tests are small. */
export const leastBilledBytes = 10 * 1024 * 1024;

export interface QueryOutcome {
  readonly statementType: string;
  readonly selected: Selected | undefined;
  readonly numDmlAffectedRows: number | undefined;
}

/** Looks at a query without running it. */
export async function describe(
  database: Database,
  query: Query,
): Promise<{ type: string; fields: readonly Field[]; undeclared: readonly Undeclared[] }> {
  await database.useDataset(query.defaultDataset.datasetId);
  try {
    const undeclared = await undeclaredOf(database, query);
    const nulls = undeclared.map((parameter) => ({ ...parameter, parameterValue: { value: null } }));
    const declared = { ...query, queryParameters: [...query.queryParameters, ...nulls] };
    const { sql, bound, type } = await prepared(database, declared);
    if (type !== "SELECT") return { type, fields: [], undeclared };
    return { type, fields: (await select(database, sql, bound, "WITH NO DATA")).fields, undeclared };
  } catch (thrown) {
    throw ofQuery(thrown);
  }
}

export async function runQuery(database: Database, query: Query): Promise<QueryOutcome> {
  await database.useDataset(query.defaultDataset.datasetId);
  if (query.maximumBytesBilled !== undefined && query.maximumBytesBilled < leastBilledBytes)
    throw new BigQueryProblem(
      400,
      "bytesBilledLimitExceeded",
      `Query exceeded limit for bytes billed: ${query.maximumBytesBilled}. ${leastBilledBytes} or higher required.`,
    );
  try {
    const { sql, bound, type } = await prepared(database, query);
    if (type === "SELECT" && query.destinationTable)
      return await selectInto(database, query.destinationTable, query, sql, bound);
    if (type === "SELECT") {
      const selected = await select(database, sql, bound);
      return { statementType: type, selected, numDmlAffectedRows: undefined };
    }
    const selected = await database.run(sql, bound);
    return { statementType: type, selected: undefined, numDmlAffectedRows: selected.rowsChanged };
  } catch (thrown) {
    throw ofQuery(thrown);
  }
}

/** The rows are in `query_result` then. */
async function select(database: Database, sql: string, bound: Bound, data = "WITH DATA"): Promise<Selected> {
  const columns = (await database.namesOf(withoutEnd(sql), bound)).map(quoted).join(", ");
  await database.run(
    `CREATE OR REPLACE TEMP TABLE query_result (${columns}) AS\n${withoutEnd(sql)}\n${data}`,
    bound,
  );
  const selected = await database.run("FROM temp.query_result");
  refuseNullItems(selected.fields, selected.rows);
  return selected;
}

async function selectInto(
  database: Database,
  table: z.infer<typeof ReferenceSchema>,
  query: Query,
  sql: string,
  bound: Bound,
): Promise<QueryOutcome> {
  const { fields } = await select(database, sql, bound);
  await database.write(table, "temp.query_result", fields, query.writeDisposition);
  return { statementType: "SELECT", selected: undefined, numDmlAffectedRows: undefined };
}

async function prepared(database: Database, query: Query) {
  const { sql, parameters } = translate(query.query);
  const { count, type } = await database.statementsOf(sql);
  if (count === 0)
    throw new BigQueryProblem(400, "invalidQuery", "Syntax error: Unexpected end of statement");
  const given = new Map(query.queryParameters.map((parameter) => [parameter.name.toLowerCase(), parameter]));
  const inferred = await database.parameterTypesOf(sql);
  const values: Record<string, DuckDBValue> = {};
  const types: Record<string, DuckDBType> = {};
  for (const name of parameters) {
    const parameter = given.get(name.toLowerCase());
    if (!parameter) throw new BigQueryProblem(400, "invalidQuery", `Query parameter '${name}' not found`);
    requireCoercible(parameter.parameterType, inferred.get(name));
    types[name] = boundType(parameter.parameterType);
    values[name] = boundValue(parameter.parameterType, parameter.parameterValue);
  }
  const name = StatementType[type] ?? "SCRIPT";
  return {
    sql,
    bound: { values, types },
    type: count > 1 ? "SCRIPT" : name === "MERGE_INTO" ? "MERGE" : name,
  };
}

interface Undeclared {
  readonly name: string;
  readonly parameterType: ParameterType;
}

/** A dry run infers the types of parameters that are not declared. Its default is INT64. */
async function undeclaredOf(database: Database, query: Query): Promise<readonly Undeclared[]> {
  const { sql, parameters } = translate(query.query);
  const declared = new Set(query.queryParameters.map(({ name }) => name.toLowerCase()));
  const undeclared = parameters.filter((name) => !declared.has(name.toLowerCase()));
  if (undeclared.length === 0) return [];
  const inferred = await database.parameterTypesOf(sql);
  return undeclared.map((name) => ({ name, parameterType: inferredType(inferred.get(name)) }));
}

function withoutEnd(sql: string): string {
  return sql.replace(/[;\s]+$/, "");
}
