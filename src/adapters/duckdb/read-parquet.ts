import * as z from "zod";
import { FileProblem } from "../../core/files/file-problem.ts";
import { quoteIdentifier, type Statements } from "./statements.ts";

const SchemaSchema = z.array(
  z.object({
    name: z.string(),
    precision: z.bigint().nullable(),
    scale: z.bigint().nullable(),
    children: z.bigint().nullable(),
  }),
);
const widestDecimal = 38;

/**
 * The rows of a Parquet file. Throws a `FileProblem` for what DuckDB reads wrongly, or calls by another name, without
 * a word: decimals of more than 38 digits, and names that differ only in case.
 */
export async function parquetReader(statements: Statements, file: string): Promise<string> {
  const found = await statements.rows(
    `SELECT name, precision, scale, num_children AS children FROM parquet_schema(${file})`,
  );
  const [, ...fields] = SchemaSchema.parse(found);
  const wide = fields.find(({ precision }) => (precision ?? 0n) > widestDecimal);
  if (wide)
    throw new FileProblem(
      undefined,
      `column "${wide.name}" is a DECIMAL(${wide.precision}, ${wide.scale}), and decimals have ${widestDecimal} digits here; ` +
        "write it with fewer digits, or as text",
    );
  refuseTwins(topLevel(fields));
  return `FROM read_parquet(${file}, hive_partitioning = false)`;
}

/** Throws a `FileProblem` for two columns whose names differ only in case. */
function refuseTwins(names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new FileProblem(
        undefined,
        `the columns ${quoteIdentifier(other)} and ${quoteIdentifier(name)} have the same name: case makes no difference; rename one of them`,
      );
    seen.set(name.toLowerCase(), name);
  }
}

/** The schema lists each field before its children. */
function topLevel(fields: z.infer<typeof SchemaSchema>): readonly string[] {
  const names: string[] = [];
  for (let at = 0; at < fields.length; at = afterField(fields, at)) names.push(fields[at]?.name ?? "");
  return names;
}

function afterField(fields: z.infer<typeof SchemaSchema>, at: number): number {
  let next = at + 1;
  for (let child = 0n; child < (fields[at]?.children ?? 0n); child++) next = afterField(fields, next);
  return next;
}
