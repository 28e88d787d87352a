import { isJsonObject, type JsonObject, type JsonValue } from "../../core/values/json.ts";
import { inferParameterType, type ParameterType } from "../../core/values/parameter-type.ts";
import type { Sql } from "../../ports/warehouse.ts";
import { finalFailure } from "./errors.ts";

/** A type as BigQuery's REST interface writes it. */
export interface ParameterTypeJson {
  readonly type: string;
  readonly arrayType?: ParameterTypeJson | undefined;
  readonly structTypes?: readonly { readonly name: string; readonly type: ParameterTypeJson }[] | undefined;
}

interface ParameterValueJson {
  readonly value?: string | null;
  readonly arrayValues?: readonly ParameterValueJson[];
  readonly structValues?: Readonly<Record<string, ParameterValueJson>>;
}

export interface QueryParameter {
  readonly name: string;
  readonly parameterType: ParameterTypeJson;
  readonly parameterValue: ParameterValueJson;
}

/**
 * Named parameters of a query, with the types that their JSON has. Throws `SQL_FAILED` for what BigQuery can't take.
 */
export function toQueryParameters(parameters: JsonObject): readonly QueryParameter[] {
  return Object.entries(parameters).map(([name, value]) => {
    const type = inferParameterType(`@${name}`, value);
    return {
      name,
      parameterType: toTypeJson(name, type),
      parameterValue: toValueJson(type, value),
    };
  });
}

/** Null, and the items of an empty list, are text for want of anything better: see `untyped-parameters.ts`. */
function toTypeJson(name: string, type: ParameterType): ParameterTypeJson {
  switch (type.kind) {
    case "null":
    case "text":
      return { type: "STRING" };
    case "boolean":
      return { type: "BOOL" };
    case "integer":
      return { type: "INT64" };
    case "real":
      return { type: "FLOAT64" };
    case "list":
      if (type.items.kind === "list")
        throw finalFailure(
          "SQL_FAILED",
          `@${name} is a list of lists, which BigQuery has not: use a list of objects`,
        );
      return { type: "ARRAY", arrayType: toTypeJson(name, type.items) };
    case "struct":
      return {
        type: "STRUCT",
        structTypes: type.fields.map((field) => ({
          name: field.name,
          type: toTypeJson(`${name}.${field.name}`, field.type),
        })),
      };
  }
}

function toValueJson(type: ParameterType, value: JsonValue): ParameterValueJson {
  if (type.kind === "list" && Array.isArray(value))
    return { arrayValues: value.map((item) => toValueJson(type.items, item)) };
  if (type.kind === "struct" && isJsonObject(value))
    return {
      structValues: Object.fromEntries(
        type.fields.map((field) => [
          field.name,
          toValueJson(field.type, Object.hasOwn(value, field.name) ? (value[field.name] ?? null) : null),
        ]),
      ),
    };
  return { value: value === null ? null : String(value) };
}

/** A query and its parameters, as a job takes them. */
export interface BoundQuery {
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
}

/** A parameter whose type BigQuery is asked for. */
interface InferredParameter {
  readonly name?: string | undefined;
  readonly parameterType: ParameterTypeJson;
}

/** A query with parameters that have no type of their own. */
interface UntypedQuery {
  /** For a dry run, which gives the types of the parameters that are not declared. */
  readonly question: BoundQuery;
  readonly bound: (inferred: readonly InferredParameter[]) => BoundQuery;
}

/**
 * A query in which null means a null of whatever type it stands for, and an empty list a list of it; undefined when
 * there is none such. A parameter needs a type, and a null of type STRING is refused beside a number. So each use of
 * one is a parameter of its own, whose type a dry run infers; a literal null is refused by operators. An empty list
 * is a literal.
 */
export function toUntypedQuery(sql: string, parameters: JsonObject): UntypedQuery | undefined {
  const entries = Object.entries(parameters);
  const untyped = new Map(
    entries.filter(([, value]) => isUntyped(value)).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (untyped.size === 0) return undefined;
  const declared = toQueryParameters(Object.fromEntries(entries.filter(([, value]) => !isUntyped(value))));
  const taken = new Set(entries.map(([name]) => name.toLowerCase()));
  const open: { readonly name: string; readonly value: JsonValue }[] = [];
  const used = new Set<string>();
  const text = replaceParameters(sql, (name) => {
    const value = untyped.get(name.toLowerCase());
    if (value === undefined) return `@${name}`;
    if (Array.isArray(value) && value.length === 0) return "[]";
    const own = used.has(name.toLowerCase()) ? freeName(name, taken) : name;
    used.add(name.toLowerCase());
    open.push({ name: own, value });
    return `@${own}`;
  });
  return {
    question: { sql: text, parameters: declared },
    bound: (inferred) => {
      const types = new Map(
        inferred.map(({ name = "", parameterType }) => [name.toLowerCase(), parameterType]),
      );
      const typed = open.map(({ name, value }) => withType(name, value, types.get(name.toLowerCase())));
      return { sql: text, parameters: [...declared, ...typed] };
    },
  };
}

/** What a dry run says of a query. */
export interface DryRunResult<Schema> {
  readonly schema: Schema;
  readonly inferred: readonly InferredParameter[];
}

/**
 * The query with the types that BigQuery infers. Where nothing tells a type it says INT64: there null is text, as in
 * a column that is null in every row. `ask` gives undefined for a query that is refused; so does this when no types
 * can be inferred.
 */
export async function inferTypes<Schema>(
  { question, bound }: UntypedQuery,
  ask: (query: BoundQuery) => Promise<DryRunResult<Schema> | undefined>,
): Promise<(BoundQuery & { readonly schema: Schema }) | undefined> {
  const answer = await ask(question);
  if (!answer) return undefined;
  const types = new Map(answer.inferred.map((parameter) => [parameter.name?.toLowerCase() ?? "", parameter]));
  let found = { ...bound([...types.values()]), schema: answer.schema };
  const unsure = [...types].flatMap(([name, { parameterType }]) =>
    parameterType.type === "INT64" ? [name] : [],
  );
  const asText = async (names: readonly string[]) => {
    const texts = names.map((name): [string, InferredParameter] => [
      name,
      { name, parameterType: { type: "STRING" } },
    ]);
    const query = bound([...new Map([...types, ...texts]).values()]);
    const accepted = await ask(query);
    if (!accepted) return false;
    for (const [name, parameter] of texts) types.set(name, parameter);
    found = { ...query, schema: accepted.schema };
    return true;
  };
  if (unsure.length === 0 || (await asText(unsure)) || unsure.length === 1) return found;
  for (const name of unsure) await asText([name]);
  return found;
}

function isUntyped(value: JsonValue): boolean {
  return value === null || (Array.isArray(value) && value.every((item) => item === null));
}

function freeName(name: string, taken: Set<string>): string {
  let number = 2;
  while (taken.has(`${name}__${number}`.toLowerCase())) number++;
  const free = `${name}__${number}`;
  taken.add(free.toLowerCase());
  return free;
}

function withType(name: string, value: JsonValue, type: ParameterTypeJson | undefined): QueryParameter {
  if (Array.isArray(value)) {
    const parameterType = type?.arrayType ? type : { type: "ARRAY", arrayType: { type: "STRING" } };
    return { name, parameterType, parameterValue: { arrayValues: value.map(() => ({ value: null })) } };
  }
  const parameterType = type ?? { type: "STRING" };
  // A null array is an empty one to BigQuery.
  return {
    name,
    parameterType,
    parameterValue: parameterType.arrayType ? { arrayValues: [] } : { value: null },
  };
}

/** Texts, quoted names and comments of GoogleSQL, whose contents mean nothing; else a parameter or the end of a statement. */
const tokens =
  /'''(?:\\[\s\S]|[\s\S])*?'''|"""(?:\\[\s\S]|[\s\S])*?"""|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\\n])*`|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|@@?[A-Za-z_]\w*|;/g;

/** The text for BigQuery. Throws `SQL_FAILED`. */
export function bigQuerySql(sql: Sql): string {
  const text = typeof sql === "string" ? sql : sql.bigquery;
  if (text === undefined)
    throw finalFailure("SQL_FAILED", 'There is no SQL for BigQuery: add "bigquery" to it');
  return text;
}

/** Throws `SQL_FAILED` unless the SQL asks for all the parameters and no others: BigQuery does not mind unused ones. */
export function assertParametersMatch(sql: string, parameters: JsonObject): void {
  const found = [...sql.matchAll(tokens)].map(([token]) => token).filter((token) => /^@[^@]/.test(token));
  const wanted = new Set(found.map((token) => token.slice(1).toLowerCase()));
  const given = Object.keys(parameters).map((name) => name.toLowerCase());
  const missing = [...wanted].filter((name) => !given.includes(name));
  const unused = given.filter((name) => !wanted.has(name));
  if (missing.length > 0)
    throw finalFailure(
      "SQL_FAILED",
      `The SQL asks for @${missing.join(", @")}, which the parameters do not give`,
    );
  if (unused.length > 0) throw finalFailure("SQL_FAILED", `The SQL has no parameter @${unused.join(", @")}`);
}

/** The text with each use of a parameter replaced by what is given for its name. */
function replaceParameters(sql: string, replacement: (name: string) => string): string {
  return sql.replace(tokens, (token) => (/^@[^@]/.test(token) ? replacement(token.slice(1)) : token));
}

/** One statement without the semicolon at its end and what follows it, so that it can stand in brackets. */
export function withoutTrailingSemicolon(statement: string): string {
  const end = [...statement.matchAll(tokens)].find(([token]) => token === ";");
  return end ? statement.slice(0, end.index) : statement;
}
