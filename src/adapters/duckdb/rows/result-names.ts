import type { DuckDBPreparedStatement } from "@duckdb/node-api";
import * as z from "zod";
import { permanentError, type Statements } from "../statements.ts";

/** An item of a SELECT list; `star` may be any number of columns. */
type Item = "named" | "unnamed" | "star";

const DescriptionSchema = z.array(z.object({ column_name: z.string() }));

/**
 * The names of a query's columns, as BigQuery gives them: the first column without a name is `f0_`, the next one `f1_`.
 * Undefined if DuckDB can't describe the query. Throws `SQL_FAILED` for a name that appears twice, where DuckDB would
 * call the second column `id_1`, and BigQuery refuses the query.
 */
export async function resultNames(
  statements: Statements,
  sql: string,
  bind: (statement: DuckDBPreparedStatement) => void,
): Promise<readonly string[] | undefined> {
  const described = await describe(statements, sql, bind);
  if (!described) return undefined;
  const isUnnamed = unnamedColumns(await selectItems(statements, sql), described.length);
  let unnamed = 0;
  const names = described.map((name, index) => (isUnnamed[index] ? `f${unnamed++}_` : name));
  const keys = names.map((name) => name.toLowerCase());
  const twice = names.find((_, index) => keys.indexOf(keys[index] ?? "") < index);
  if (twice === undefined) return names;
  throw permanentError(
    "SQL_FAILED",
    `The SQL has two columns with the name "${twice}" (case makes no difference): give each its own with AS`,
  );
}

/** The names depend on the values of the parameters, so the statement is run. Its mistakes are those of the query. */
async function describe(
  statements: Statements,
  sql: string,
  bind: (statement: DuckDBPreparedStatement) => void,
): Promise<readonly string[] | undefined> {
  const statement = await prepareDescription(statements, sql);
  if (!statement) return undefined;
  bind(statement);
  const rows = (await statement.runAndReadAll()).getRowObjects();
  return DescriptionSchema.parse(rows).map(({ column_name }) => column_name);
}

async function prepareDescription(statements: Statements, sql: string) {
  try {
    return await statements.prepare(`DESCRIBE\n${sql}`);
  } catch {
    // DuckDB describes no PIVOT, for example.
    return undefined;
  }
}

/** Which of `count` columns have no name. Columns whose place is not certain have theirs. */
function unnamedColumns(items: readonly Item[], count: number): readonly boolean[] {
  const first = items.indexOf("star");
  if (first < 0) return items.length === count ? items.map((item) => item === "unnamed") : [];
  const last = items.lastIndexOf("star");
  const [before, after] = [items.slice(0, first), items.slice(last + 1)];
  const between = Math.max(0, count - before.length - after.length);
  return [...before, ...Array<Item>(between).fill("named"), ...after].map((item) => item === "unnamed");
}

const ExpressionSchema = z.looseObject({
  class: z.string(),
  type: z.string(),
  alias: z.string(),
  exclude_list: z.array(z.unknown()).default([]),
  rename_list: z.array(z.unknown()).default([]),
});

interface QueryNode {
  readonly select_list?: readonly z.infer<typeof ExpressionSchema>[] | undefined;
  readonly from_table?:
    | { readonly type: string; readonly subquery?: { readonly node: QueryNode } | undefined }
    | undefined;
  readonly left?: QueryNode | undefined;
}

const NodeSchema: z.ZodType<QueryNode> = z.lazy(() =>
  z.object({
    select_list: z.array(ExpressionSchema).optional(),
    from_table: z
      .object({ type: z.string(), subquery: z.object({ node: NodeSchema }).optional() })
      .optional(),
    left: NodeSchema.optional(),
  }),
);
const StatementSchema = z.object({ statements: z.tuple([z.object({ node: NodeSchema })]) });

async function selectItems(statements: Statements, sql: string): Promise<readonly Item[]> {
  const [row] = await statements.rows("SELECT json_serialize_sql($sql::VARCHAR) AS tree", { sql });
  const parsed = StatementSchema.safeParse(JSON.parse(z.string().parse(row?.tree)));
  return parsed.success ? itemsOf(parsed.data.statements[0].node) : ["star"];
}

function itemsOf({ select_list, from_table, left }: QueryNode): readonly Item[] {
  if (left) return itemsOf(left);
  if (!select_list) return ["star"];
  return select_list.flatMap((expression): readonly Item[] => {
    const { class: kind, type, alias } = expression;
    if (kind === "STAR") {
      const isWhole = expression.exclude_list.length === 0 && expression.rename_list.length === 0;
      const inner = from_table?.type === "SUBQUERY" && isWhole ? from_table.subquery?.node : undefined;
      return inner ? itemsOf(inner) : ["star"];
    }
    return [alias !== "" || kind === "COLUMN_REF" || type === "STRUCT_EXTRACT" ? "named" : "unnamed"];
  });
}
