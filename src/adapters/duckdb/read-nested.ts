import * as z from "zod";
import type { FileOptions } from "../../core/files/file-options.ts";
import { FileProblem } from "../../core/files/file-problem.ts";
import { scanJson } from "../../core/files/json-lines.ts";
import { limits } from "../../core/limits.ts";
import { mayHoldInexactNumber } from "../../core/values/json-text.ts";
import { readText } from "./file-text.ts";
import { mapScalars, parseType, typeText } from "./nested-types.ts";
import { type Column, quoteIdentifier, quoteLiteral, type Statements } from "./statements.ts";

const timeTypes = /^(DATE|TIME|TIMESTAMP)/;
/** DuckDB's types of whole numbers beyond 64 bits. Such numbers are doubles, unless their table has the type. */
const wideTypes = /^(UBIGINT|U?HUGEINT)$/;

/** A JSON file, and its copy that DuckDB reads. */
export interface JsonFile {
  readonly path: string;
  readonly options: FileOptions;
  /** JSON lines in UTF-8, as a literal of SQL. */
  readonly plain: string;
}

/**
 * Reads JSON lines. DuckDB infers the types, but texts stay texts: one that looks like an id, a day or a time of day in
 * one file may not look like it in the next, and `01-02-2026` has two meanings. Throws a `FileProblem`.
 */
export async function jsonReader(
  statements: Statements,
  { path, options: fileOptions, plain: file }: JsonFile,
  existing: readonly Column[] = [],
): Promise<string> {
  const options = `format = 'newline_delimited', records = true, hive_partitioning = false,
    compression = 'uncompressed', maximum_object_size = ${limits.fileRowBytes}`;
  const found = await statements.describe(
    `(FROM read_json(${file}, ${options}, sample_size = -1, map_inference_threshold = -1))`,
  );
  if (await mayBeMisread(statements, file, found, existing))
    await scanJson(readText(path, fileOptions.encoding));
  const columns = found.map(({ name, type }) => {
    const tree = parseType(type);
    const target = existing.find((other) => other.name.toLowerCase() === name.toLowerCase());
    const known = target && parseType(target.type);
    const read =
      tree.kind === "scalar"
        ? { ...tree, name: topLevelType(tree.name, target?.type) }
        : mapScalars(tree, known, nestedType);
    return `${quoteIdentifier(name)}: ${quoteLiteral(typeText(read))}`;
  });
  // A field that no line has is NULL, like a field that only some lines lack.
  const known = new Set(found.map(({ name }) => name.toLowerCase()));
  const absent = existing.filter(({ name }) => !known.has(name.toLowerCase()));
  columns.push(...absent.map(({ name, type }) => `${quoteIdentifier(name)}: ${quoteLiteral(type)}`));
  return `FROM read_json(${file}, ${options}, columns = {${columns.join(", ")}})`;
}

/**
 * Whether DuckDB may have changed values or field names: it rounds numbers to doubles, renames the second of `a` and
 * `A` to `A_1`, and calls a field without a name `C0`.
 */
async function mayBeMisread(
  statements: Statements,
  file: string,
  columns: readonly Column[],
  existing: readonly Column[],
): Promise<boolean> {
  const names = new Set(columns.map(({ name }) => name.toLowerCase()));
  const isInvented = (name: string) =>
    /^C\d+$/.test(name) || names.has(/^(.+)_\d+$/s.exec(name)?.[1]?.toLowerCase() ?? "");
  if (columns.some(({ name }) => isInvented(name))) return true;
  const wide = new Set(
    existing.flatMap(({ name, type }) => (wideTypes.test(type) ? [name.toLowerCase()] : [])),
  );
  const mayBeRounded = ({ name, type }: Column) =>
    /\b(DOUBLE|UBIGINT|U?HUGEINT)\b/.test(type) && !wide.has(name.toLowerCase());
  if (!columns.some(mayBeRounded)) return false;
  const found = await statements.rows(
    `SELECT 1 AS found FROM read_ndjson_objects(${file}, maximum_object_size = ${limits.fileRowBytes})
     WHERE regexp_matches(CAST(json AS VARCHAR), ${quoteLiteral(mayHoldInexactNumber.source)}) LIMIT 1`,
  );
  return found.length > 0;
}

function topLevelType(type: string, target: string | undefined): string {
  if (wideTypes.test(type)) return doubleUnlessWide(type, target);
  return timeTypes.test(type) || type === "UUID" ? "VARCHAR" : type;
}

/** A text is a time only where the table has one. */
function nestedType(type: string, target: string | undefined): string {
  if (wideTypes.test(type)) return doubleUnlessWide(type, target);
  if (type !== "UUID" && !timeTypes.test(type)) return type;
  return target !== undefined && timeTypes.test(target) ? target : "VARCHAR";
}

function doubleUnlessWide(type: string, target: string | undefined): string {
  return target !== undefined && wideTypes.test(target) ? type : "DOUBLE";
}

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
 * Reads a Parquet file. Throws a `FileProblem` for decimals of more than 38 digits, which DuckDB misreads without an
 * error, and for names that differ only in case, which it renames.
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
      `column "${wide.name}" is a DECIMAL(${wide.precision}, ${wide.scale}), and decimals have ` +
        `${widestDecimal} digits here; write it with fewer digits, or as text`,
    );
  assertDistinctNames(topLevelNames(fields));
  return `FROM read_parquet(${file}, hive_partitioning = false)`;
}

/** Throws a `FileProblem` for two columns whose names differ only in case. */
function assertDistinctNames(names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new FileProblem(
        undefined,
        `the columns ${quoteIdentifier(other)} and ${quoteIdentifier(name)} have the same name: ` +
          "case makes no difference; rename one of them",
      );
    seen.set(name.toLowerCase(), name);
  }
}

/** The schema lists each field before its children. */
function topLevelNames(fields: z.infer<typeof SchemaSchema>): readonly string[] {
  const names: string[] = [];
  for (let at = 0; at < fields.length; at = nextSibling(fields, at)) names.push(fields[at]?.name ?? "");
  return names;
}

function nextSibling(fields: z.infer<typeof SchemaSchema>, at: number): number {
  let next = at + 1;
  for (let child = 0n; child < (fields[at]?.children ?? 0n); child++) next = nextSibling(fields, next);
  return next;
}
