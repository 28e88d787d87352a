import { DuckDBInstance } from "@duckdb/node-api";
import { onTestFinished } from "vitest";
import * as z from "zod";
import {
  type ColumnKind,
  commonKind,
  digitsPattern,
  kindPatterns,
  missingTexts,
  sampleRows,
  type TypedKind,
  typedKinds,
} from "../../src/core/files/column-kinds.ts";

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/** A DuckDB in memory that ends with the test. */
export async function openDuckDb() {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  onTestFinished(() => {
    connection.closeSync();
    instance.closeSync();
  });
  await connection.run("SET TimeZone = 'UTC'");
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowObjects();
  /** Fills a table of row numbers and texts. */
  const appendTexts = async (table: string, texts: readonly (string | null)[]) => {
    const appender = await connection.createAppender(table);
    for (const [row, text] of texts.entries()) {
      appender.appendInteger(row);
      if (text === null) appender.appendNull();
      else appender.appendVarchar(text);
      appender.endRow();
    }
    appender.closeSync();
  };
  return { rows, appendTexts };
}

const countRow = z.record(z.string(), z.bigint().transform(Number));

/** What a column of a CSV file is by definition: each value of the whole file is compared with each kind. */
export interface DefinedColumn {
  readonly kind: ColumnKind;
  /** Whether some values are not of the kind. */
  readonly hasMisfits: boolean;
}

/** The kind of the only column of a file whose cells are quoted or plain, without a delimiter in them. */
export async function kindByDefinition(cells: readonly (string | null)[]): Promise<DefinedColumn> {
  const { rows, appendTexts } = await openDuckDb();
  await rows("CREATE TABLE cells (row INTEGER, value VARCHAR)");
  await appendTexts("cells", cells);
  const trimmed = "trim(value, E' \\t\\r\\n')";
  const missing = `list_contains([${[...missingTexts([])].map(literal).join(", ")}], ${trimmed})`;
  const counts = [...typedKinds, "present" as const, "codes" as const].flatMap((kind) => {
    const fact = factSql(kind);
    return [
      `count(*) FILTER (${fact}) AS all_${kind}`,
      `count(*) FILTER (${fact} AND row < ${sampleRows}) AS sample_${kind}`,
    ];
  });
  const [found] = await rows(
    `SELECT ${counts.join(", ")}
     FROM (SELECT row, CASE WHEN NOT ${missing} THEN ${trimmed} END AS text FROM cells)`,
  );
  const of = (name: string) => countRow.parse(found)[name] ?? 0;
  const each = (rows: string) =>
    Object.fromEntries(typedKinds.map((kind) => [kind, of(`${rows}_${kind}`)])) as Record<TypedKind, number>;
  const [all, allOf] = [of("all_present"), each("all")];
  const kind = commonKind({
    all,
    sample: of("sample_present"),
    codes: of("all_codes"),
    allOf,
    sampleOf: each("sample"),
  });
  return { kind, hasMisfits: kind !== "text" && allOf[kind] < all };
}

function factSql(kind: TypedKind | "present" | "codes"): string {
  if (kind === "present") return "text IS NOT NULL";
  const matches = (pattern: string) => `regexp_full_match(text, ${literal(pattern)})`;
  if (kind === "codes") return `${matches(digitsPattern)} AND NOT (${factSql("integer")})`;
  const conversions = {
    boolean: "TRY_CAST(text AS BOOLEAN) IS NOT NULL",
    integer: "TRY_CAST(text AS BIGINT) IS NOT NULL",
    decimal: "isfinite(TRY_CAST(text AS DOUBLE))",
    date: "TRY_CAST(text AS DATE) IS NOT NULL",
    timestamp: "CAST(TRY_CAST(text AS TIMESTAMPTZ) AS TIMESTAMP) IS NOT NULL",
  };
  return `${matches(kindPatterns[kind])} AND ${conversions[kind]}`;
}
