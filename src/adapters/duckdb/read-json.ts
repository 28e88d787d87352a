import * as z from "zod";
import { FileProblem } from "../../core/files/file-problem.ts";
import { limits } from "../../core/limits.ts";
import { quoteIdentifier, quoteLiteral } from "./identifiers.ts";
import type { Column, Statements } from "./statements.ts";
import { mapScalars, parseType, typeText } from "./type-tree.ts";

const KeysSchema = z.array(z.object({ name: z.string() }));
const times = /^(DATE|TIME|TIMESTAMP)/;

/**
 * The rows of JSON lines. DuckDB finds out what the values are; texts stay texts unless they are times inside objects: what
 * looks like an id or a time of the day is one in one file and not in the next. Throws a `FileProblem`.
 */
export async function jsonReader(
  statements: Statements,
  file: string,
  existing: readonly Column[] | undefined,
): Promise<string> {
  const options = `format = 'newline_delimited', records = true, hive_partitioning = false, compression = 'uncompressed',
    maximum_object_size = ${limits.fileRowBytes}`;
  const found = await statements.describe(
    `(FROM read_json(${file}, ${options}, sample_size = -1, map_inference_threshold = -1))`,
  );
  await refuseInvented(statements, file, found);
  const columns = found.map(({ name, type }) => {
    const tree = parseType(type);
    const target = existing?.find((other) => other.name.toLowerCase() === name.toLowerCase());
    const known = target && parseType(target.type);
    const read =
      tree.kind === "scalar" ? { ...tree, name: textual(tree.name) } : mapScalars(tree, known, nested);
    return `${quoteIdentifier(name)}: ${quoteLiteral(typeText(read))}`;
  });
  return `FROM read_json(${file}, ${options}, columns = {${columns.join(", ")}})`;
}

function textual(type: string): string {
  return times.test(type) || type === "UUID" ? "VARCHAR" : type;
}

/** A text goes into a table's text as it stands. */
function nested(type: string, target: string | undefined): string {
  if (type === "UUID" || type === "TIME") return "VARCHAR";
  return times.test(type) && target === "VARCHAR" ? "VARCHAR" : type;
}

/** Throws a `FileProblem` for keys that differ only in case: DuckDB calls the second of `a` and `A` `A_1`. */
async function refuseInvented(
  statements: Statements,
  file: string,
  columns: readonly Column[],
): Promise<void> {
  const names = new Map(columns.map(({ name }) => [name.toLowerCase(), name]));
  for (const { name } of columns) {
    const base = /^(.+)_\d+$/s.exec(name)?.[1];
    const other = base === undefined ? undefined : names.get(base.toLowerCase());
    if (base === undefined || other === undefined) continue;
    const keys = await statements.rows(
      `SELECT 1 AS found, ${quoteLiteral(name)} AS name FROM read_ndjson_objects(${file})
       WHERE list_contains(json_keys(json), ${quoteLiteral(name)}) LIMIT 1`,
    );
    if (KeysSchema.parse(keys).length === 0)
      throw new FileProblem(
        undefined,
        `the keys "${other}" and "${base}" have the same name: case makes no difference; rename one of them`,
      );
  }
}
