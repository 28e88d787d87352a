import { expression } from "./expressions/expression.ts";
import { macrosOf } from "./macro-statements.ts";
import { query } from "./queries/query.ts";
import { internalNames } from "./queries/scope.ts";
import { type Environment, type KnownTable, Surroundings } from "./queries/surroundings.ts";
import { placeOf, Refusal, type RefusalReason, UnknownName, withoutStrings } from "./refusal.ts";
import type { Term } from "./terms.ts";
import { isRecord, Node } from "./tree.ts";
import { duckDbType, quoteName, type Type } from "./types.ts";

/** What a text needs from outside. */
export interface TranslationInput {
  readonly text: string;
  /** The statements as the parser reads them. */
  readonly tree: unknown;
  /** The text that the parser writes for its tree, to see whether it lost a word. */
  readonly rewritten: string;
  /** Undefined: only the text is checked, and the tables and parameters are unknown. */
  readonly known?: Known | undefined;
}

interface Known {
  readonly tables: (path: readonly string[]) => KnownTable | undefined;
  readonly parameters: ReadonlyMap<string, Type | "null">;
}

export type Translation =
  | {
      readonly ok: true;
      readonly sql: string;
      /** Statements that create the temporary macros of the SQL. */
      readonly macros: readonly string[];
      /** The parameters that the text names. */
      readonly parameters: ReadonlySet<string>;
    }
  | {
      readonly ok: false;
      readonly refusal: RefusalReason & {
        readonly line?: number | undefined;
        readonly column?: number | undefined;
      };
    };

/**
 * Translates GoogleSQL to DuckDB's SQL. Everything that is not known to give BigQuery's answer is refused: functions,
 * operators, types, forms of arguments, parts of dates and formats.
 */
export function translateGoogleSql(input: TranslationInput): Translation {
  const used = new Set<string>();
  try {
    const sql = statement(input, used);
    return { ok: true, sql, macros: macrosOf(sql), parameters: used };
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const { word, reason, isMistake } = thrown;
    return { ok: false, refusal: { word, reason, isMistake, ...placeOf(input.text, word) } };
  }
}

function statement({ text, tree, rewritten, known }: TranslationInput, used: Set<string>): string {
  assertWords(text, rewritten);
  const statements = Array.isArray(tree) ? tree : [tree];
  const [first, second] = statements;
  if (second !== undefined) throw new Refusal(";", "only one SELECT can be run");
  let names = 0;
  const environment: Environment = {
    analyze: { query, expression },
    isCheck: known === undefined,
    table: (path) => known?.tables(path),
    parameter: (name) => parameter(name, known, used),
    nextName: () => `_googlesql_${++names}`,
  };
  const result = query(Node.from(first), new Surroundings(environment));
  if (result.struct) throw new Refusal("SELECT AS STRUCT", "it is not supported as a whole statement");
  assertOutput(result.columns);
  const internal = internalNames(result.columns);
  if (result.columns.length === 0) return result.sql;
  const name = quoteName(environment.nextName());
  return result.sql.startsWith("(")
    ? `SELECT ${internal.map((one) => `${name}.${quoteName(one)}`).join(", ")} FROM (${result.sql}) AS ${name}`
    : result.sql;
}

function assertOutput(columns: readonly { readonly name: string; readonly isAnonymous: boolean }[]): void {
  const seen = new Set<string>();
  for (const { name, isAnonymous } of columns) {
    if (!isAnonymous && seen.has(name.toLowerCase()))
      throw new Refusal(name, "the result has two columns of this name; give one of them an alias");
    seen.add(name.toLowerCase());
  }
}

function parameter(name: string, known: Known | undefined, used: Set<string>): Term {
  if (!known) return { sql: "NULL", type: { kind: "UNKNOWN" } };
  const found = [...known.parameters].find(([key]) => key.toLowerCase() === name.toLowerCase());
  if (!found) throw new UnknownName(`@${name}`, "there is no such parameter");
  const [key, type] = found;
  used.add(key);
  if (type === "null") return { sql: `$${key}`, type: { kind: "INT64" }, written: { kind: "null" } };
  return { sql: `CAST($${key} AS ${duckDbType(type)})`, type, written: { kind: "parameter" } };
}

/** Types that the parser reads as others, and clauses that it drops. */
const unsupportedWords =
  /(?<![\w@.`])(BIGNUMERIC|BIGDECIMAL|GEOGRAPHY|RANGE\s*<|WITH\s+ANONYMIZATION|WITH\s+DIFFERENTIAL_PRIVACY)(?!\w)/i;

/** Refuses a text of which the parser's tree lacks a word. */
function assertWords(text: string, rewritten: string): void {
  const plain = withoutStrings(text);
  const unsupported = unsupportedWords.exec(plain)?.[1];
  if (unsupported) throw new Refusal(unsupported, "it is not supported here");
  if (/;\s*\S/.test(plain)) throw new Refusal(";", "only one SELECT can be run");
  const counts = countWords(withoutStrings(rewritten));
  for (const [word, count] of countWords(plain)) {
    if (noise.has(word)) continue;
    if ((counts.get(word) ?? 0) < count) throw new Refusal(word, "the parser does not understand it here");
  }
}

/** Words that may be left out, or that have other forms. */
const noise = new Set(
  [
    "AS INNER OUTER ASC ALL DISTINCT ROW ROWS BY INT64 INTEGER INT BIGINT SMALLINT TINYINT BYTEINT",
    "DECIMAL NUMERIC FLOAT64 BOOL BOOLEAN STRING BYTES TIMESTAMP DATETIME DATE TIME NOT NULLS FIRST",
    "LAST BETWEEN CURRENT AND PRECEDING POWER POW CEILING CHARACTER_LENGTH CHAR_LENGTH LENGTH",
    "SUBSTRING SUBSTR INSTR STRPOS LN LOG WITH OFFSET PARSE_JSON JSON ORDINAL R B RB BR SAFE_ORDINAL",
    "SAFE_OFFSET CAST DAYOFWEEK DAYOFYEAR CURRENT_DATE",
  ]
    .join(" ")
    .split(" "),
);

function countWords(plain: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of plain.replaceAll("`", " ").matchAll(/[A-Za-z_@]\w*/g)) {
    const key = word.toUpperCase();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** The tables that a tree names, also those of WITH. */
export function tablesIn(tree: unknown): readonly (readonly string[])[] {
  if (Array.isArray(tree)) return tree.flatMap(tablesIn);
  if (!isRecord(tree)) return [];
  return Object.entries(tree).flatMap(([key, value]) => {
    const below = tablesIn(value);
    if (key !== "table" || !isRecord(value) || !isRecord(value.name)) return below;
    const node = new Node("table", value);
    const path = ["catalog", "schema", "name"].map((field) => node.name(field)).filter((part) => part !== "");
    return [path.flatMap((part) => part.split(".")), ...below];
  });
}
