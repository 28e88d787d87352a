/** Texts, quoted names, comments; parameters; and the few words that DuckDB has other names for. */
const tokens =
  /("""[\s\S]*?"""|'''[\s\S]*?'''|'(?:\\[\s\S]|[^'\\])*'|"(?:\\[\s\S]|[^"\\])*")|(`(?:\\.|[^`\\])*`(?:\s*\.\s*`(?:\\.|[^`\\])*`)*)|(--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/)|@([A-Za-z_]\w*)|\b(CURRENT_TIMESTAMP\s*\(\s*\)|SAFE_CAST(?=\s*\()|RANGE(?=\s*\(\s*(?:DATE|DATETIME|TIMESTAMP|NULL)\b)|(?:TIMESTAMP|DATETIME|NUMERIC|BIGNUMERIC)(?=\s*'|\s*")|(?<=\bAS\s+)(?:ARRAY\s*<\s*)?(?:INT64|FLOAT64|STRING|BYTES|NUMERIC|BIGNUMERIC|TIMESTAMP|DATETIME)\b(?:\s*>)?|,\s*wide_number_mode\s*=>\s*)/gi;

const words: Readonly<Record<string, string>> = {
  SAFE_CAST: "TRY_CAST",
  INT64: "BIGINT",
  FLOAT64: "DOUBLE",
  STRING: "VARCHAR",
  BYTES: "BLOB",
  NUMERIC: "DECIMAL(38, 9)",
  BIGNUMERIC: "DECIMAL(38, 18)",
  TIMESTAMP: "TIMESTAMPTZ",
  DATETIME: "TIMESTAMP",
  RANGE: "googlesql_range",
};

/** Functions of GoogleSQL that DuckDB lacks, each in the one form that is used. */
export const macros = [
  "CREATE MACRO PARSE_JSON(text) AS CAST(text AS JSON), (text, mode) AS CAST(text AS JSON)",
  "CREATE MACRO TO_JSON_STRING(item) AS CAST(to_json(item) AS VARCHAR)",
  "CREATE MACRO TIMESTAMP_MILLIS(milliseconds) AS make_timestamptz(CAST(milliseconds AS BIGINT) * 1000)",
  "CREATE MACRO UNIX_MILLIS(moment) AS epoch_ms(moment)",
  "CREATE MACRO ST_GEOGPOINT(x, y) AS CAST('POINT(' || x || ' ' || y || ')' AS GEOMETRY)",
  "CREATE MACRO googlesql_range(lower, upper) AS struct_pack(range_start := lower, range_end := upper)",
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
  return { sql: withStructs(sql), parameters: [...parameters] };
}

const structTokens = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\bSTRUCT\s*\(|\bAS\s+("?\w+"?)(?=\s*[,)])|[(),]/gi;

interface Parenthesis {
  readonly isStruct: boolean;
  readonly items: string[];
  text: string;
  name: string | undefined;
}

/** `STRUCT(1 AS a, 2)` as `struct_pack(a := 1, _field_2 := 2)`. A name behind AS belongs to the innermost STRUCT. */
function withStructs(sql: string): string {
  const outermost: Parenthesis = { isStruct: false, items: [], text: "", name: undefined };
  const open: Parenthesis[] = [];
  let at = 0;
  for (const match of sql.matchAll(structTokens)) {
    const [token, name] = match;
    const innermost = open.at(-1) ?? outermost;
    innermost.text += sql.slice(at, match.index);
    at = match.index + token.length;
    if (token.endsWith("(")) open.push({ isStruct: token !== "(", items: [], text: "", name: undefined });
    else if (token === ")" && open.length > 0) {
      open.pop();
      (open.at(-1) ?? outermost).text += closed(innermost);
    } else if (!innermost.isStruct) innermost.text += token;
    else if (name !== undefined) innermost.name = name;
    else if (token === ",") endItem(innermost);
    else innermost.text += token;
  }
  return outermost.text + sql.slice(at);
}

function endItem(struct: Parenthesis): void {
  struct.items.push(`${struct.name ?? `_field_${struct.items.length + 1}`} := ${struct.text.trim()}`);
  Object.assign(struct, { text: "", name: undefined });
}

function closed(parenthesis: Parenthesis): string {
  if (!parenthesis.isStruct) return `(${parenthesis.text})`;
  endItem(parenthesis);
  return `struct_pack(${parenthesis.items.join(", ")})`;
}

function wordOf(word: string): string {
  if (/^CURRENT_TIMESTAMP/i.test(word)) return "now()";
  if (word.startsWith(",")) return ", ";
  const item = /^ARRAY\s*<\s*(\w+)\s*>$/i.exec(word)?.[1];
  if (item !== undefined) return `${wordOf(item)}[]`;
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
