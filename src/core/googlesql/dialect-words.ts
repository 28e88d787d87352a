import { withoutStrings } from "./refusal.ts";

/** A word that DuckDB and BigQuery both run, with different results. */
interface DialectWord {
  readonly pattern: RegExp;
  readonly word: string;
  readonly bigquery: string;
  readonly duckdb: string;
}

const found = (pattern: RegExp, word: string, bigquery: string, duckdb: string): DialectWord => ({
  pattern,
  word,
  bigquery,
  duckdb,
});

const dialectWords: readonly DialectWord[] = [
  found(/\bDAYOFWEEK\b/i, "DAYOFWEEK", "1 (Sunday) to 7", "0 (Sunday) to 6"),
  found(
    /\bEXTRACT\s*\(\s*WEEK\b/i,
    "EXTRACT(WEEK …)",
    "weeks from the first Sunday, 0 to 53",
    "ISO weeks, 1 to 53",
  ),
  found(/\bEXTRACT\s*\(\s*M(?:ILLI|ICRO)SECOND/i, "MILLISECOND", "without the seconds", "with the seconds"),
  found(/\bAT\s+TIME\s+ZONE\b/i, "AT TIME ZONE", "converts an instant", "may read a time as local"),
  found(/\bDATE_(?:ADD|SUB|TRUNC)\b/i, "DATE_ADD, DATE_TRUNC", "a DATE stays a DATE", "a TIMESTAMP"),
  found(/\bTIMESTAMP\s+['"]/i, "TIMESTAMP '…'", "an instant", "a time without a zone; an offset is dropped"),
  found(/\bROUND\s*\(/i, "ROUND", "rounds the exact value: 2.675 to 2.67", "2.675 to 2.68"),
  found(/\b(?:NUMERIC|DECIMAL)\b/i, "NUMERIC", "9 digits after the point", "3 digits after the point"),
  found(/(?<![\w.])\d*\.\d+(?![\w.])/, "a number such as 0.1", "FLOAT64", "DECIMAL, which adds exactly"),
  found(/\bLOG\s*\(/i, "LOG", "LOG(x) is ln, LOG(x, base)", "LOG(x) is log10, LOG(base, x)"),
  found(/\^/, "^", "exclusive or", "power"),
  found(/\b(?:GREATEST|LEAST)\s*\(/i, "GREATEST, LEAST", "NULL if one argument is NULL", "ignores NULL"),
  found(
    /\bCOUNTIF\s*\(/i,
    "COUNTIF",
    "0 if no row counts",
    "NULL if all conditions are NULL or there are no rows",
  ),
  found(/\bCONCAT\s*\(/i, "CONCAT", "NULL if one argument is NULL", "ignores NULL"),
  found(/\bREGEXP_REPLACE\s*\(/i, "REGEXP_REPLACE", "replaces all matches", "replaces the first match"),
  found(
    /\bREGEXP_EXTRACT\s*\(/i,
    "REGEXP_EXTRACT",
    "the group, or NULL",
    "the whole match, or an empty text",
  ),
  found(/\bL?R?TRIM\s*\(/i, "TRIM", "removes tabs and line ends too", "removes spaces"),
  found(
    /\bSUBSTR(?:ING)?\s*\(/i,
    "SUBSTR",
    "position 0 is 1; before the start is the start",
    "counts from there",
  ),
  found(/\bFORMAT\s*\(/i, "FORMAT", "formats as printf", "knows {} only"),
  found(/\b(?:MD5|SHA1|SHA256)\s*\(/i, "MD5, SHA1, SHA256", "bytes", "hexadecimal text"),
  found(/\bUPPER\s*\(/i, "UPPER", "'ß' becomes 'SS'", "'ß' becomes 'ẞ'"),
  found(/\bREVERSE\s*\(/i, "REVERSE", "reverses code points", "reverses whole characters"),
  found(/\]\s*\[\s*\d|\)\s*\[\s*\d|\w\[\s*\d+\s*\]/, "[1]", "counts items from 0", "counts items from 1"),
  found(/\bUNNEST\s*\([^)]*\)\s+(?:AS\s+)?\w/i, "UNNEST(…) AS x", "x is the item", "x is the row"),
  found(/\bUNPIVOT\b/i, "UNPIVOT", "the value before the name", "the name before the value"),
  found(/\bCAST\s*\(/i, "CAST", "refuses '1.5' AS INT64; 1.0 AS STRING is '1'", "2; '1.0'"),
  found(/(?<![*/])\/(?![*/])/, "/", "fails if it divides by 0", "infinity, or NULL"),
  found(/\bMOD\s*\(/i, "MOD", "fails if it divides by 0", "NULL"),
  found(/\bJSON_(?:VALUE|KEYS)\s*\(/i, "JSON_VALUE, JSON_KEYS", "the text without quotes", "with its quotes"),
];

/** Words whose strings differ: their escapes. */
const escapes = /(?<![rR])(?:'(?:[^'\\\n]|\\.)*\\(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\\(?:[^"\\\n]|\\.)*")/;

/** What differs between the engines in a text that both run as it is, as a sentence for each word. */
export function dialectDifferences(text: string): readonly string[] {
  const plain = text.replace(/\bTIMESTAMP\s+['"]/gi, (literal) => `${literal} `);
  const words = dialectWords.filter(({ pattern, word }) =>
    pattern.test(word === "TIMESTAMP '…'" ? plain : withoutStrings(text)),
  );
  const sentences = words.map(
    ({ word, bigquery, duckdb }) => `${word} differs: BigQuery: ${bigquery}; DuckDB: ${duckdb}`,
  );
  const hasEscapes = escapes.test(text);
  return hasEscapes
    ? [...sentences, "\\ in a string differs: BigQuery: an escape, such as \\n; DuckDB: a backslash"]
    : sentences;
}
