import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, fieldSql, isNull, type Term, writtenText } from "../terms.ts";
import { arrayOf, fieldName, JSON_TYPE, quoteText, STRING, type Type, typeName } from "../types.ts";

/** JSON_VALUE, JSON_QUERY and their relatives, of a text or a value of type JSON. */
export function jsonRead(name: string, args: readonly Term[]): Term {
  const [source, written] = args;
  if (!source || args.length > 2) throw new Refusal(name, "it needs JSON and a path");
  const path = written ? jsonPath(name, writtenText(name, "its path", written)) : "$";
  assertRepeatable(name, [source]);
  const isJson = source.type.kind === "JSON";
  if (
    !isJson &&
    source.type.kind !== "STRING" &&
    source.type.kind !== "UNKNOWN" &&
    source.written?.kind !== "null"
  )
    throw new Refusal(name, `it takes JSON or STRING, not ${typeName(source.type)}`);
  const form = isJson ? "json" : "text";
  const json = isJson ? source.sql : `googlesql_valid_json(${expect(name, source, STRING).sql})`;
  switch (name) {
    case "JSON_VALUE":
    case "JSON_EXTRACT_SCALAR":
      return { sql: `googlesql_json_value_of_${form}(${json}, ${quoteText(path)})`, type: STRING };
    case "JSON_QUERY":
    case "JSON_EXTRACT":
      return isJson
        ? { sql: `json_extract(${json}, ${quoteText(path)})`, type: JSON_TYPE }
        : { sql: `googlesql_json_query(${json}, ${quoteText(path)})`, type: STRING };
    case "JSON_VALUE_ARRAY":
    case "JSON_EXTRACT_STRING_ARRAY":
      return { sql: `googlesql_json_value_array(${json}, ${quoteText(path)})`, type: arrayOf(STRING) };
    default:
      return {
        sql: `googlesql_json_query_array_of_${form}(${json}, ${quoteText(path)})`,
        type: arrayOf(isJson ? JSON_TYPE : STRING),
      };
  }
}

/** A path such as `$.a.b[0]` or `$."a b"` for DuckDB, which needs quotes around some names. */
function jsonPath(name: string, path: string): string {
  const step = /\.([A-Za-z_][\w-]*)|\."([^"\\*]*)"|\[(\d+)\]|\['([^'"\\*]*)'\]/y;
  let result = "$";
  let at = 1;
  while (path.startsWith("$") && at < path.length) {
    step.lastIndex = at;
    const match = step.exec(path);
    if (!match) break;
    const key = match[1] ?? match[2] ?? match[4];
    if (match[4] !== undefined && !name.startsWith("JSON_EXTRACT")) break;
    if (match[2] !== undefined && name.startsWith("JSON_EXTRACT")) break;
    result += key === undefined ? `[${match[3]}]` : `."${key}"`;
    at = step.lastIndex;
  }
  if (!path.startsWith("$") || at < path.length)
    throw new Refusal(
      name,
      `the path ${path} is not supported; write one such as '$.name', '$.items[0]' or '$."a name"'`,
    );
  return result;
}

/** TO_JSON_STRING, written out by the type of the value. */
export function toJsonString(value: Term): Term {
  assertRepeatable("TO_JSON_STRING", [value]);
  return { sql: jsonText(value.sql, value.type, 0, false), type: STRING };
}

export function toJson(value: Term): Term {
  return { sql: `CAST(${valueText("TO_JSON", value)} AS JSON)`, type: JSON_TYPE };
}

export function jsonArray(values: readonly Term[]): Term {
  const items = values.map((value) => valueText("JSON_ARRAY", value)).join(" || ',' || ");
  return { sql: `CAST('[' || ${items === "" ? "''" : items} || ']' AS JSON)`, type: JSON_TYPE };
}

/** JSON_OBJECT, whose keys must be written in the text. */
export function jsonObject(args: readonly Term[]): Term {
  const pairs = args.flatMap((key, index) => (index % 2 === 0 ? [[key, args[index + 1]] as const] : []));
  const keys = pairs.map(([key]) => writtenText("JSON_OBJECT", "each key", key));
  if (new Set(keys).size !== keys.length) throw new Refusal("JSON_OBJECT", "it has a key twice");
  const fields = pairs.map(([, value], index) => {
    if (!value) throw new Refusal("JSON_OBJECT", "a value is missing");
    return `${fieldStart(keys[index] ?? "", index)} || ${valueText("JSON_OBJECT", value)}`;
  });
  return { sql: `CAST(${["'{'", ...fields, "'}'"].join(" || ")} AS JSON)`, type: JSON_TYPE };
}

function valueText(word: string, value: Term): string {
  if (isNull(value)) return "'null'";
  assertRepeatable(word, [value]);
  return jsonText(value.sql, value.type, 0, true);
}

/** In a value of type JSON numbers are never quoted. */
function jsonText(sql: string, type: Type, depth: number, isValue: boolean): string {
  const orNull = (text: string) => `coalesce(${text}, 'null')`;
  switch (type.kind) {
    case "UNKNOWN":
      return "NULL";
    case "INT64":
      return orNull(isValue ? `CAST(${sql} AS VARCHAR)` : `googlesql_int64_to_json(${sql})`);
    case "FLOAT64":
      return orNull(`googlesql_float_to_json(${sql})`);
    case "BOOL":
      return orNull(`CAST(${sql} AS VARCHAR)`);
    case "STRING":
      return orNull(`googlesql_text_to_json(${sql})`);
    case "DATE":
      return orNull(`'"' || CAST(${sql} AS VARCHAR) || '"'`);
    case "BYTES":
      return orNull(`'"' || to_base64(${sql}) || '"'`);
    case "DATETIME":
      return orNull(`'"' || replace(googlesql_datetime_to_text(${sql}), ' ', 'T') || '"'`);
    case "NUMERIC":
      return orNull(`googlesql_numeric_to_json${isValue ? "_number" : ""}(${sql})`);
    case "TIME":
      return orNull(`'"' || googlesql_time_to_text(${sql}) || '"'`);
    case "TIMESTAMP":
      return orNull(`'"' || replace(googlesql_datetime_to_text(timezone('UTC', ${sql})), ' ', 'T') || 'Z"'`);
    case "ARRAY": {
      const item = `item_${depth}`;
      const items = `list_transform(${sql}, lambda ${item}: ${jsonText(item, type.item, depth + 1, isValue)})`;
      return orNull(`'[' || array_to_string(${items}, ',') || ']'`);
    }
    case "STRUCT": {
      const fields = type.fields.map((field, index) => {
        const value = fieldSql(sql, fieldName(field, index));
        return `${fieldStart(field.name, index)} || ${jsonText(value, field.type, depth, isValue)}`;
      });
      if (fields.length === 0) throw new Refusal("TO_JSON_STRING", "an empty STRUCT is not supported");
      return `CASE WHEN ${sql} IS NULL THEN 'null' ELSE '{' || ${fields.join(" || ")} || '}' END`;
    }
    case "JSON":
      if (!isValue) throw new Refusal("TO_JSON_STRING", "it is not supported for JSON");
      return orNull(`CAST(${sql} AS VARCHAR)`);
    default:
      throw new Refusal("TO_JSON_STRING", `it is not supported for ${typeName(type)}; CAST it AS STRING`);
  }
}

function fieldStart(name: string, index: number): string {
  return quoteText(`${index > 0 ? "," : ""}${JSON.stringify(name)}:`);
}
