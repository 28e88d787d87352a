import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, fill, type Term, textArray, writtenText } from "../terms.ts";
import { INT64, STRING } from "../types.ts";
import { readSignatures } from "./signatures.ts";

export const textSignatures = readSignatures(`
  LENGTH|CHAR_LENGTH|CHARACTER_LENGTH(STRING) INT64 = length($1)
  LENGTH(BYTES) INT64 = octet_length($1)
  BYTE_LENGTH|OCTET_LENGTH(STRING) INT64 = strlen($1)
  BYTE_LENGTH|OCTET_LENGTH(BYTES) INT64 = octet_length($1)
  UPPER(STRING) STRING = googlesql_upper($1)
  LOWER(STRING) STRING = googlesql_lower($1)
  INITCAP(STRING) STRING = googlesql_initcap($1)
  TRIM(STRING) STRING = trim($1, googlesql_white_space())
  TRIM(STRING, STRING) STRING = trim($1, $2)
  LTRIM(STRING) STRING = ltrim($1, googlesql_white_space())
  LTRIM(STRING, STRING) STRING = ltrim($1, $2)
  RTRIM(STRING) STRING = rtrim($1, googlesql_white_space())
  RTRIM(STRING, STRING) STRING = rtrim($1, $2)
  LPAD(STRING, INT64) STRING = googlesql_lpad($1, $2, ' ')
  LPAD(STRING, INT64, STRING) STRING = googlesql_lpad($1, $2, $3)
  RPAD(STRING, INT64) STRING = googlesql_rpad($1, $2, ' ')
  RPAD(STRING, INT64, STRING) STRING = googlesql_rpad($1, $2, $3)
  LEFT(STRING, INT64) STRING = googlesql_left($1, $2)
  RIGHT(STRING, INT64) STRING = googlesql_right($1, $2)
  SUBSTR|SUBSTRING(STRING, INT64) STRING = googlesql_substr($1, $2)
  SUBSTR|SUBSTRING(STRING, INT64, INT64) STRING = googlesql_substr_length($1, $2, $3)
  REPLACE(STRING, STRING, STRING) STRING = googlesql_replace($1, $2, $3)
  REVERSE(STRING) STRING = googlesql_reverse($1)
  REPEAT(STRING, INT64) STRING = googlesql_repeat($1, $2)
  STRPOS|INSTR(STRING, STRING) INT64 = strpos($1, $2)
  STRPOS(STRING, STRING, INT64) INT64 = CAST(googlesql_instr($1, $2, $3) AS BIGINT)
  STARTS_WITH(STRING, STRING) BOOL = starts_with($1, $2)
  ENDS_WITH(STRING, STRING) BOOL = ends_with($1, $2)
  CONTAINS_SUBSTR(STRING, STRING) BOOL = googlesql_contains_substr($1, $2)
  SPLIT(STRING) STRING[] = string_split($1, ',')
  SPLIT(STRING, STRING) STRING[] = string_split($1, $2)
  ASCII(STRING) INT64 = CAST(googlesql_ascii($1) AS BIGINT)
  UNICODE(STRING) INT64 = CAST(googlesql_unicode($1) AS BIGINT)
  CHR(INT64) STRING = googlesql_chr($1)
  TO_CODE_POINTS(STRING) INT64[] = googlesql_code_points($1)
  CODE_POINTS_TO_STRING(INT64[]) STRING = googlesql_from_code_points($1)
  TO_HEX(BYTES) STRING = lower(hex($1))
  FROM_HEX(STRING) BYTES = googlesql_from_hex($1)
  TO_BASE64(BYTES) STRING = to_base64($1)
  FROM_BASE64(STRING) BYTES = from_base64($1)
  MD5(STRING) BYTES = unhex(md5($1))
  MD5(BYTES) BYTES = unhex(md5($1))
  SHA1(STRING) BYTES = unhex(sha1($1))
  SHA1(BYTES) BYTES = unhex(sha1($1))
  SHA256(STRING) BYTES = unhex(sha256($1))
  SHA256(BYTES) BYTES = unhex(sha256($1))
  NORMALIZE(STRING) STRING = nfc_normalize($1)
  EDIT_DISTANCE(STRING, STRING) INT64 = googlesql_edit_distance($1, $2)
  TRANSLATE(STRING, STRING, STRING) STRING = translate($1, $2, $3)
  STRING(TIMESTAMP) STRING = (googlesql_datetime_to_text(timezone('UTC', $1)) || '+00')
  STRING(DATETIME) STRING = googlesql_datetime_to_text($1)
  STRING(DATE) STRING = CAST($1 AS VARCHAR)
  STRING(TIME) STRING = googlesql_time_to_text($1)
  STRING(JSON) STRING = googlesql_json_string($1)
  INT64(JSON) INT64 = googlesql_json_int64($1)
  FLOAT64(JSON) FLOAT64 = googlesql_json_float64($1)
  BOOL(JSON) BOOL = googlesql_json_bool($1)
  JSON_TYPE(JSON) STRING = googlesql_json_type($1)
  REGEXP_CONTAINS(STRING, STRING) BOOL = regexp_matches($1, $2)
  REGEXP_REPLACE(STRING, STRING, STRING) STRING = googlesql_regexp_replace($1, $2, $3)
  ARRAY_TO_STRING(STRING[], STRING) STRING = array_to_string(list_filter($1, lambda item: item IS NOT NULL), $2)
  ARRAY_TO_STRING(STRING[], STRING, STRING) STRING = googlesql_array_to_string($1, $2, $3)
`);

/** The first or all matches of a regular expression: of its group, if it has one. */
export function regularExpression(name: string, args: readonly Term[]): Term {
  const [value, pattern, position, occurrence, other] = args;
  if (!value || !pattern || other || (position && name === "REGEXP_EXTRACT_ALL"))
    throw new Refusal(name, "it has too few or too many arguments");
  const written = writtenText(name, "its regular expression", pattern);
  const groups = countGroups(written);
  // A group without a match is NULL in GoogleSQL, and an empty text in DuckDB.
  if (groups > 0 && /\)[?*{]|\|/.test(written))
    throw new Refusal(name, "a group that may have no match, or an alternative beside it, is not supported");
  if (groups > 1)
    throw new Refusal(name, "its regular expression may have one group only; write (?:…) for the others");
  const terms = [expect(name, value, STRING), expect(name, pattern, STRING)];
  if (name === "REGEXP_EXTRACT_ALL")
    return fill(name, `googlesql_regexp_extract_all($1, $2, ${groups})`, terms, textArray);
  assertRepeatable(name, terms);
  const places = [position, occurrence].flatMap((place) => (place ? [expect(name, place, INT64)] : []));
  const form = ["extract", "extract_at", "extract_nth"][places.length];
  const more = places.map((_, index) => `, $${index + 3}`).join("");
  return fill(name, `googlesql_regexp_${form}($1, $2, ${groups}${more})`, [...terms, ...places], STRING);
}

function countGroups(pattern: string): number {
  let groups = 0;
  let isInClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === "\\") {
      if (pattern[at + 1] === "Q")
        throw new Refusal("REGEXP_EXTRACT", "\\Q in a regular expression is not supported");
      at++;
    } else if (isInClass)
      isInClass = character !== "]" || pattern[at - 1] === "[" || pattern.slice(at - 2, at) === "[^";
    else if (character === "[") isInClass = true;
    else if (character === "(" && (pattern[at + 1] !== "?" || /^\?P?</.test(pattern.slice(at + 1)))) groups++;
  }
  return groups;
}

/** LIKE ANY, LIKE SOME and LIKE ALL of a list of patterns. */
export function likeList(value: Term, patterns: readonly Term[], quantifier: string): string {
  assertRepeatable("LIKE", [value]);
  const tests = patterns.map((pattern) => like(value, pattern));
  return `(${tests.join(quantifier === "ALL" ? " AND " : " OR ")})`;
}

/** LIKE, in whose patterns a backslash always escapes. */
export function like(value: Term, pattern: Term): string {
  const [text, form] = [expect("LIKE", value, STRING), expect("LIKE", pattern, STRING)];
  return `(${text.sql} LIKE ${form.sql} ESCAPE '\\')`;
}
