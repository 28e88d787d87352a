/** Texts, quoted names, comments; parameters; and the few words that DuckDB has other names for. */
const tokens =
  /("""[\s\S]*?"""|'''[\s\S]*?'''|'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*")|(`(?:\\.|[^`\\])*`(?:\s*\.\s*`(?:\\.|[^`\\])*`)*)|(--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)|@([A-Za-z_]\w*)|\b(CURRENT_TIMESTAMP\s*\(\s*\)|SAFE_CAST(?=\s*\()|(?<=\bAS\s+)(?:INT64|FLOAT64|STRING|BYTES|BIGNUMERIC)\b|,\s*wide_number_mode\s*=>\s*)/gi;

const words: Readonly<Record<string, string>> = {
  SAFE_CAST: "TRY_CAST",
  INT64: "BIGINT",
  FLOAT64: "DOUBLE",
  STRING: "VARCHAR",
  BYTES: "BLOB",
  BIGNUMERIC: "DECIMAL(38, 9)",
};

/** Functions of GoogleSQL that DuckDB lacks, each in the one form that is used. */
export const macros = [
  "CREATE MACRO PARSE_JSON(text) AS CAST(text AS JSON), (text, mode) AS CAST(text AS JSON)",
  "CREATE MACRO TO_JSON_STRING(item) AS CAST(to_json(item) AS VARCHAR)",
  "CREATE MACRO TIMESTAMP_MILLIS(milliseconds) AS epoch_ms(CAST(milliseconds AS BIGINT))",
  "CREATE MACRO UNIX_MILLIS(moment) AS epoch_ms(moment)",
];

export interface Translated {
  readonly sql: string;
  /** Names of the parameters it asks for. */
  readonly parameters: readonly string[];
}

/** GoogleSQL as DuckDB takes it. Most of what is special to GoogleSQL stays as it is, and fails there. */
export function translate(googleSql: string): Translated {
  const parameters = new Set<string>();
  const sql = googleSql.replace(
    tokens,
    (all: string, text?: string, names?: string, comment?: string, parameter?: string, word?: string) => {
      if (text !== undefined) return literal(text);
      if (names !== undefined) return path(names);
      if (comment !== undefined) return " ";
      if (parameter !== undefined) {
        parameters.add(parameter);
        return `$${parameter}`;
      }
      return word === undefined ? all : wordOf(word);
    },
  );
  return { sql, parameters: [...parameters] };
}

function wordOf(word: string): string {
  if (/^CURRENT_TIMESTAMP/i.test(word)) return "CAST(now() AS TIMESTAMP)";
  if (word.startsWith(",")) return ", ";
  return words[word.toUpperCase()] ?? word;
}

function literal(token: string): string {
  const quotes = /^("""|''')/.test(token) ? 3 : 1;
  const content = unescaped(token.slice(quotes, -quotes));
  return `'${content.replaceAll("'", "''")}'`;
}

/** The project is left out: there is one. */
function path(token: string): string {
  const parts = [...token.matchAll(/`((?:\\.|[^`\\])*)`/g)].map(([, name]) => unescaped(name ?? ""));
  const names = parts.length === 1 && parts[0]?.split(".").length === 3 ? parts[0].split(".") : parts;
  return names
    .slice(names.length === 3 ? 1 : 0)
    .map((name) => `"${name.replaceAll('"', '""')}"`)
    .join(".");
}

function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (_, character: string) => (character === "n" ? "\n" : character));
}
