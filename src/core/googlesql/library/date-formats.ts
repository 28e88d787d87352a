import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, type Term, writtenText } from "../terms.ts";
import { DATE, DATETIME, quoteText, STRING, TIME, TIMESTAMP, type Type } from "../types.ts";
import { timeZone } from "../written-times.ts";
import { localTime } from "./dates.ts";

const ofDates = "AaBbchCDdeFGgjmQUuVWwxYy";
const ofTimes = "cHIMpRSTX";

/** Elements that strftime writes as GoogleSQL does. */
const same = new Set("AaBbdHIjMmpSUuVWwYyG%");
/** Elements that are others of strftime. */
const asOthers: Readonly<Record<string, string>> = {
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  R: "%H:%M",
  T: "%H:%M:%S",
  X: "%H:%M:%S",
  h: "%b",
  x: "%m/%d/%y",
};
/** Elements that strftime lacks, as expressions of the local time. */
const asExpressions: Readonly<Record<string, string>> = {
  c: "(strftime($1, '%a %b ') || lpad(CAST(extract(day FROM $1) AS VARCHAR), 2, ' ') || strftime($1, ' %H:%M:%S %Y'))",
  C: "lpad(CAST(extract(year FROM $1) // 100 AS VARCHAR), 2, '0')",
  Q: "CAST(extract(quarter FROM $1) AS VARCHAR)",
  e: "lpad(CAST(extract(day FROM $1) AS VARCHAR), 2, ' ')",
  g: "lpad(CAST(extract(isoyear FROM $1) % 100 AS VARCHAR), 2, '0')",
  n: "chr(10)",
  t: "chr(9)",
  "E*S": "googlesql_exact_seconds($1)",
  E1S: "googlesql_seconds($1, 1)",
  E2S: "googlesql_seconds($1, 2)",
  E3S: "googlesql_seconds($1, 3)",
  E4S: "googlesql_seconds($1, 4)",
  E5S: "googlesql_seconds($1, 5)",
  E6S: "googlesql_seconds($1, 6)",
  E4Y: "lpad(CAST(extract(year FROM $1) AS VARCHAR), 4, '0')",
};

interface Piece {
  /** An element without its `%`, or the text between elements. */
  readonly element?: string;
  readonly text: string;
}

function pieces(name: string, format: string): readonly Piece[] {
  const found: Piece[] = [];
  for (const [text, element] of format.matchAll(/%(E(?:\*S|\d+S|4Y|z)|[\s\S]?)|[^%]+/g)) {
    if (element === "") throw new Refusal(name, "its format ends in %");
    found.push(element === undefined ? { text } : { text, element });
  }
  return found;
}

/** FORMAT_DATE, FORMAT_DATETIME, FORMAT_TIMESTAMP and FORMAT_TIME. */
export function formatDate(name: string, args: readonly Term[]): Term {
  const [format, value, zone] = args;
  if (!format || !value || args.length > 3 || (zone && name !== "FORMAT_TIMESTAMP"))
    throw new Refusal(name, "it needs a format and a value");
  const own =
    { FORMAT_DATE: DATE, FORMAT_DATETIME: DATETIME, FORMAT_TIMESTAMP: TIMESTAMP, FORMAT_TIME: TIME }[name] ??
    DATE;
  assertRepeatable(name, [value]);
  const source = sourceOf(name, value, own, zone);
  const isTimestamp = name === "FORMAT_TIMESTAMP" && !zone;
  const instant = name === "FORMAT_TIMESTAMP" && value.type.kind === "TIMESTAMP" ? value.sql : undefined;
  const parts = pieces(name, writtenText(name, "its format", format)).map((piece) =>
    instant === undefined
      ? pieceSql(name, piece, source, own, isTimestamp)
      : (instantPiece(piece, source, instant) ?? pieceSql(name, piece, source, own, isTimestamp)),
  );
  const empty = parts.length === 0 ? [`CASE WHEN ${source} IS NOT NULL THEN '' END`] : [];
  return {
    sql: `CAST(${["''", ...parts, ...empty].join(" || ")} AS VARCHAR)`,
    type: STRING,
  };
}

function sourceOf(name: string, value: Term, own: Type, zone: Term | undefined): string {
  if (name === "FORMAT_TIME") return `(DATE '1970-01-01' + ${expect(name, value, TIME).sql})`;
  const isOther =
    ["DATE", "DATETIME", "TIMESTAMP", "TIMESTAMP_OR_DATETIME"].includes(value.type.kind) && !zone;
  if (
    isOther &&
    !(name === "FORMAT_TIMESTAMP" && value.type.kind === "DATE") &&
    !(name === "FORMAT_DATE" && value.type.kind === "TIMESTAMP")
  )
    return localTime(name, value).sql;
  return localTime(name, expect(name, value, own), zone).sql;
}

/** Elements that the local time does not tell: seconds since 1970, and the offset of the time zone. */
function instantPiece({ element }: Piece, local: string, instant: string): string | undefined {
  if (element === "s") return `CAST(googlesql_floor_div(epoch_us(${instant}), 1000000) AS VARCHAR)`;
  if (element !== "z" && element !== "Ez") return undefined;
  const minutes = `(epoch_us(${local}) - epoch_us(${instant})) // 60000000`;
  return `googlesql_offset_to_text(${minutes}, '${element === "z" ? "" : ":"}')`;
}

function pieceSql(name: string, { element, text }: Piece, source: string, own: Type, isUtc: boolean): string {
  const keepsNull = (sql: string) => `CASE WHEN ${source} IS NOT NULL THEN ${sql} END`;
  if (element === undefined) return keepsNull(quoteText(text));
  if (own.kind === "DATE" && (ofTimes.includes(element) || element.startsWith("E*") || /^E\dS/.test(element)))
    throw new Refusal(text, `${name} has no time of day`);
  if (own.kind === "TIME" && ofDates.includes(element)) throw new Refusal(text, `${name} has no date`);
  if (element === "Z" && isUtc) return keepsNull("'UTC'");
  if (element === "z" && isUtc) return keepsNull("'+0000'");
  if (same.has(element)) return `strftime(${source}, ${quoteText(text)})`;
  const other = asOthers[element];
  if (other !== undefined) return `strftime(${source}, ${quoteText(other)})`;
  const expression = asExpressions[element];
  if (expression === undefined) throw new Refusal(text, `${name} with ${text} is not supported here`);
  return expression.startsWith("chr") ? keepsNull(expression) : expression.replaceAll("$1", () => source);
}

/** Elements that can be parsed, with what they match. `format` is the element of strptime. */
const parsed: Readonly<Record<string, { readonly match: string; readonly format: string }>> = {
  Y: { match: "[0-9]{4}", format: "%Y" },
  m: { match: "[0-9]{1,2}", format: "%m" },
  d: { match: "[0-9]{1,2}", format: "%d" },
  H: { match: "[0-9]{1,2}", format: "%H" },
  M: { match: "[0-9]{1,2}", format: "%M" },
  S: { match: "[0-5]?[0-9]", format: "%S" },
  y: { match: "[0-9]{2}", format: "%y" },
  b: { match: "[A-Za-z]{3}", format: "%b" },
  h: { match: "[A-Za-z]{3}", format: "%b" },
  B: { match: "[A-Za-z]{3,9}", format: "%B" },
  "E*S": { match: "[0-5]?[0-9](?:[.][0-9]{1,6})?", format: "%S" },
  T: { match: "[0-9]{1,2}:[0-9]{1,2}:[0-5]?[0-9]", format: "%H:%M:%S" },
  R: { match: "[0-9]{1,2}:[0-9]{1,2}", format: "%H:%M" },
  D: { match: "[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}", format: "%m/%d/%y" },
  I: { match: "[0-9]{1,2}", format: "%I" },
  p: { match: "(?:[AaPp][Mm])", format: "%p" },
};

/** PARSE_DATE, PARSE_DATETIME, PARSE_TIMESTAMP and PARSE_TIME. */
export function parseDate(name: string, args: readonly Term[], isSafe: boolean): Term {
  const [format, value, zone] = args;
  if (!format || !value || args.length > (name === "PARSE_TIMESTAMP" ? 3 : 2))
    throw new Refusal(name, "it needs a format and a text");
  const text = expect(name, value, STRING);
  assertRepeatable(name, [text]);
  const found = pieces(name, writtenText(name, "its format", format));
  const elements = found.flatMap(({ element }) => element ?? []);
  assertParsable(name, elements);
  const parts = found.map((piece) => parsedPiece(name, piece));
  const pattern = quoteText(parts.map(({ match }) => match).join(""));
  const written = parts.map((part) => part.format).join("");
  // strptime has no optional fraction, but takes several formats.
  const strptimeFormat = elements.includes("E*S")
    ? `[${quoteText(written.replace("%S", "%S.%f"))}, ${quoteText(written)}]`
    : quoteText(written);
  const sql = `googlesql_parse${isSafe ? "_safe" : ""}(${text.sql}, ${pattern}, ${strptimeFormat})`;
  if (name === "PARSE_DATE") return { sql: `CAST(${sql} AS DATE)`, type: DATE };
  if (name === "PARSE_TIME") return { sql: `CAST(${sql} AS TIME)`, type: TIME };
  if (name === "PARSE_DATETIME") return { sql, type: DATETIME };
  const zoneName = zone ? timeZone(name, writtenText(name, "the time zone", zone)) : "UTC";
  return {
    sql: zoneName === "UTC" ? `timezone('UTC', ${sql})` : `googlesql_instant(${sql}, ${quoteText(zoneName)})`,
    type: TIMESTAMP,
  };
}

function assertParsable(name: string, elements: readonly string[]): void {
  const has = (all: string) => elements.some((element) => all.includes(element === "E*S" ? "S" : element));
  if (new Set(elements.map((element) => (element === "E*S" ? "S" : element))).size !== elements.length)
    throw new Refusal(name, "its format has an element twice");
  if (name !== "PARSE_TIME" && !has("YyFD"))
    throw new Refusal(name, "its format needs a year: DuckDB and BigQuery fill in other ones");
  if (has("FD") && has("YymdbBh")) throw new Refusal(name, "its format has a part of the date twice");
  if (has("TR") && has("HMSIp")) throw new Refusal(name, "its format has a part of the time twice");
  if (has("I") !== has("p") || (has("I") && has("H")))
    throw new Refusal(name, "%I is supported together with %p only");
  if (name === "PARSE_TIME" && has("YymdFbBhD")) throw new Refusal(name, "its format has a date");
  if (name === "PARSE_DATE" && has("HMSTRIp")) throw new Refusal(name, "its format has a time of day");
}

function parsedPiece(
  name: string,
  { element, text }: Piece,
): { readonly match: string; readonly format: string } {
  if (element === undefined) {
    if (/[^-\x21-\x7e ]/.test(text) || / {2}/.test(text))
      throw new Refusal(name, `the text "${text}" in its format is not supported`);
    return { match: text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), format: text };
  }
  const known = parsed[element];
  if (!known) throw new Refusal(text, `${name} with ${text} is not supported here`);
  return known;
}
