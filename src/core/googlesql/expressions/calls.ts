import { Refusal } from "../refusal.ts";
import { isRecord, Node } from "../tree.ts";

/** A function call: the parser has kinds of their own for many functions. */
export interface Call {
  readonly name: string;
  readonly args: readonly Node[];
  /** Whether it is written with `SAFE.`. */
  readonly isSafe: boolean;
}

/** The kinds of the parser for single functions, with the fields that hold their arguments, in order. */
const kinds: Readonly<Record<string, readonly [name: string, ...fields: string[]]>> = {
  abs: ["ABS", "this"],
  acos: ["ACOS", "this"],
  array_length: ["ARRAY_LENGTH", "this"],
  array_reverse: ["ARRAY_REVERSE", "this"],
  asin: ["ASIN", "this"],
  atan: ["ATAN", "this"],
  atan2: ["ATAN2", "this", "expression"],
  ceil: ["CEIL", "this"],
  cos: ["COS", "this"],
  ends_with: ["ENDS_WITH", "this", "expression"],
  exp: ["EXP", "this"],
  floor: ["FLOOR", "this"],
  if_func: ["IF", "condition", "true_value", "false_value"],
  initcap: ["INITCAP", "this"],
  json_extract: ["JSON_EXTRACT", "this", "path"],
  json_extract_scalar: ["JSON_EXTRACT_SCALAR", "this", "path"],
  json_keys: ["JSON_KEYS", "this"],
  json_query: ["JSON_QUERY", "this", "path"],
  json_type: ["JSON_TYPE", "this"],
  json_value: ["JSON_VALUE", "this", "path"],
  length: ["LENGTH", "this"],
  ln: ["LN", "this"],
  log: ["LOG", "this", "base"],
  lower: ["LOWER", "this"],
  mod_func: ["MOD", "this", "expression"],
  normalize: ["NORMALIZE", "this", "form"],
  parse_json: ["PARSE_JSON", "this"],
  power: ["POW", "this", "expression"],
  rand: ["RAND"],
  round: ["ROUND", "this", "decimals"],
  safe_divide: ["SAFE_DIVIDE", "this", "expression"],
  sin: ["SIN", "this"],
  sqrt: ["SQRT", "this"],
  starts_with: ["STARTS_WITH", "this", "expression"],
  str_position: ["STRPOS", "this", "substr", "position"],
  substring: ["SUBSTR", "this", "start", "length"],
  tan: ["TAN", "this"],
  timestamp: ["TIMESTAMP", "this", "zone"],
  to_json: ["TO_JSON", "this"],
  trim: ["TRIM", "this", "characters"],
  upper: ["UPPER", "this"],
};

/** The node as a call. Undefined if it is none. */
export function callOf(node: Node): Call | undefined {
  if (node.kind === "function") return plainCall(node);
  if (node.kind === "coalesce") {
    const isIfNull = node.raw("original_name") === "IFNULL";
    return end(node, {
      name: isIfNull ? "IFNULL" : "COALESCE",
      args: node.nodes("expressions"),
      isSafe: false,
    });
  }
  if (node.kind === "json_object") {
    const pairs = node.list("pairs").flatMap((pair) => (Array.isArray(pair) ? pair : []));
    return end(node, { name: "JSON_OBJECT", args: pairs.map((raw) => Node.from(raw)), isSafe: false });
  }
  if (node.kind === "j_s_o_n_array")
    return end(node, { name: "JSON_ARRAY", args: node.nodes("expressions"), isSafe: false });
  const [name, ...fields] = kinds[node.kind] ?? [];
  if (name === undefined) return undefined;
  if (node.kind === "timestamp" && !node.flag("with_tz")) return undefined;
  if (node.kind === "trim" && node.raw("position") !== "Both") return undefined;
  if (node.kind === "trim") node.raw("sql_standard_syntax");
  return end(node, { name, args: fields.flatMap((field) => node.optional(field) ?? []), isSafe: false });
}

function plainCall(node: Node): Call {
  const written = node.text("name").toUpperCase();
  const isSafe = written.startsWith("SAFE.");
  node.raw("no_parens");
  return end(node, { name: isSafe ? written.slice(5) : written, args: node.nodes("args"), isSafe });
}

function end(node: Node, call: Call): Call {
  node.end(call.name);
  return call;
}

/** A part of a date, such as MONTH or WEEK(MONDAY), given as an argument. */
export interface DatePart {
  readonly name: string;
  /** The first day of its weeks: 0 is Sunday. */
  readonly firstDay: number;
}

const weekDays = ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

export function datePart(word: string, node: Node | undefined): DatePart {
  const name = node && partName(node);
  if (!node || !name) throw new Refusal(word, "it needs a part of a date, such as DAY or MONTH");
  if (node.kind !== "function") return partOf(word, name);
  const [day] = node.nodes("args");
  return partOf(word, name, day && partName(day));
}

function partOf(word: string, name: string, day?: string): DatePart {
  if (day === undefined) return { name, firstDay: name === "ISOWEEK" ? 1 : 0 };
  const firstDay = weekDays.indexOf(day.toUpperCase());
  if (name !== "WEEK" || firstDay < 0) throw new Refusal(word, `${name}(${day}) is no part of a date`);
  return { name, firstDay };
}

function partName(node: Node): string | undefined {
  if (node.kind === "var") return node.text("this").toUpperCase();
  if (node.kind === "column" && !node.has("table")) return node.name("name").toUpperCase();
  if (node.kind === "function") return node.text("name").toUpperCase();
  return undefined;
}

/** The part of EXTRACT or LAST_DAY, which the parser writes as "Day", { Custom: "X" } or { WeekWithModifier: "X" }. */
export function fieldPart(word: string, raw: unknown): DatePart {
  if (typeof raw === "string") return partOf(word, shortNames[raw.toUpperCase()] ?? raw.toUpperCase());
  if (isRecord(raw) && typeof raw.Custom === "string") return partOf(word, raw.Custom.toUpperCase());
  if (isRecord(raw) && typeof raw.WeekWithModifier === "string")
    return partOf(word, "WEEK", raw.WeekWithModifier);
  if (isRecord(raw)) return datePart(word, Node.from(raw));
  throw new Refusal(word, "it needs a part of a date, such as DAY or MONTH");
}

const shortNames: Readonly<Record<string, string>> = {
  DAYOFWEEK: "DAYOFWEEK",
  DAYOFYEAR: "DAYOFYEAR",
  MILLISECONDS: "MILLISECOND",
  MICROSECONDS: "MICROSECOND",
};
