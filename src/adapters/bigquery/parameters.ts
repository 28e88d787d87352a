import { isJsonObject, type JsonObject, type JsonValue } from "../../core/values/json.ts";
import { inferParameterType, type ParameterType } from "../../core/values/parameter-type.ts";
import type { Sql } from "../../ports/warehouse.ts";
import { finalFailure } from "./api.ts";

/** A type in the form of BigQuery's REST interface. */
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
 * Converts JSON values to named query parameters with types. Throws `SQL_FAILED` for a type that BigQuery does not
 * have.
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

/** Null and the items of an empty list become text here. `toUntypedQuery` finds better types for them. */
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
          `@${name} is a list of lists, which BigQuery does not support: use a list of objects`,
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

/** A query and its parameters in the form that a job takes. */
export interface BoundQuery {
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
}

/** A parameter whose type a dry run has inferred. */
interface InferredParameter {
  readonly name?: string | undefined;
  readonly parameterType: ParameterTypeJson;
}

/** A query with parameters whose values have no type: null, and empty lists. */
interface UntypedQuery {
  /** For a dry run, which infers the types of undeclared parameters. */
  readonly dryRun: BoundQuery;
  /** The query with inferred types, to be run. */
  readonly bind: (inferred: readonly InferredParameter[]) => BoundQuery;
}

/**
 * Returns a query in which each null gets the type that its place in the SQL needs. Undefined if no parameter is null
 * or an empty list. BigQuery requires a type for each parameter, and refuses a null of type STRING beside a number, and
 * a literal NULL beside an operator. So each use of a null becomes a parameter of its own, whose type a dry run infers.
 * An empty list becomes the literal `[]`.
 */
export function toUntypedQuery(sql: string, parameters: JsonObject): UntypedQuery | undefined {
  const entries = Object.entries(parameters);
  const untyped = new Map(
    entries.filter(([, value]) => isUntyped(value)).map(([name, value]) => [name.toLowerCase(), value]),
  );
  if (untyped.size === 0) return undefined;
  const declared = toQueryParameters(Object.fromEntries(entries.filter(([, value]) => !isUntyped(value))));
  const taken = new Set(entries.map(([name]) => name.toLowerCase()));
  const undeclared: { readonly name: string; readonly value: JsonValue }[] = [];
  const used = new Set<string>();
  const text = replaceParameters(sql, (name) => {
    const value = untyped.get(name.toLowerCase());
    if (value === undefined) return `@${name}`;
    if (Array.isArray(value) && value.length === 0) return "[]";
    const uniqueName = used.has(name.toLowerCase()) ? freeName(name, taken) : name;
    used.add(name.toLowerCase());
    undeclared.push({ name: uniqueName, value });
    return `@${uniqueName}`;
  });
  return {
    dryRun: { sql: text, parameters: declared },
    bind: (inferred) => {
      const types = new Map(
        inferred.map(({ name = "", parameterType }) => [name.toLowerCase(), parameterType]),
      );
      const typed = undeclared.map(({ name, value }) => withType(name, value, types.get(name.toLowerCase())));
      return { sql: text, parameters: [...declared, ...typed] };
    },
  };
}

export interface DryRunResult<Schema> {
  readonly schema: Schema;
  readonly inferred: readonly InferredParameter[];
}

/**
 * Returns the query with the types that BigQuery infers, or undefined if it can't infer any. Where nothing determines a
 * type, BigQuery reports INT64: such a null becomes text if the query still works, as in a column that is null in every
 * row. `tryDryRun` returns undefined for a query that BigQuery refuses.
 */
export async function inferTypes<Schema>(
  { dryRun, bind }: UntypedQuery,
  tryDryRun: (query: BoundQuery) => Promise<DryRunResult<Schema> | undefined>,
): Promise<(BoundQuery & { readonly schema: Schema }) | undefined> {
  const result = await tryDryRun(dryRun);
  if (!result) return undefined;
  const types = new Map(result.inferred.map((parameter) => [parameter.name?.toLowerCase() ?? "", parameter]));
  let typedQuery = { ...bind([...types.values()]), schema: result.schema };
  const undetermined = [...types].flatMap(([name, { parameterType }]) =>
    parameterType.type === "INT64" ? [name] : [],
  );
  const acceptsText = async (names: readonly string[]) => {
    const texts = names.map((name): [string, InferredParameter] => [
      name,
      { name, parameterType: { type: "STRING" } },
    ]);
    const query = bind([...new Map([...types, ...texts]).values()]);
    const accepted = await tryDryRun(query);
    if (!accepted) return false;
    for (const [name, parameter] of texts) types.set(name, parameter);
    typedQuery = { ...query, schema: accepted.schema };
    return true;
  };
  if (undetermined.length === 0 || (await acceptsText(undetermined)) || undetermined.length === 1)
    return typedQuery;
  for (const name of undetermined) await acceptsText([name]);
  return typedQuery;
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
  // BigQuery treats a null array as an empty one.
  return {
    name,
    parameterType,
    parameterValue: parameterType.arrayType ? { arrayValues: [] } : { value: null },
  };
}

/** Strings, quoted names and comments of GoogleSQL, which are skipped; or a parameter, or the end of a statement. */
const tokens =
  /'''(?:\\[\s\S]|[\s\S])*?'''|"""(?:\\[\s\S]|[\s\S])*?"""|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\\n])*`|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|@@?[A-Za-z_]\w*|;/g;

/** Throws `SQL_FAILED` if the SQL has no text for BigQuery. */
export function bigQuerySql(sql: Sql): string {
  if (typeof sql === "string") return sql;
  const text = "googlesql" in sql ? sql.googlesql : sql.bigquery;
  if (text === undefined)
    throw finalFailure("SQL_FAILED", 'There is no SQL for BigQuery: add the field "bigquery" or "googlesql"');
  return text;
}

/** Throws `SQL_FAILED` unless the SQL uses exactly these parameters. BigQuery itself ignores unused ones. */
export function assertParametersMatch(sql: string, parameters: JsonObject): void {
  const references = [...sql.matchAll(tokens)]
    .map(([token]) => token)
    .filter((token) => /^@[^@]/.test(token));
  const used = new Set(references.map((token) => token.slice(1).toLowerCase()));
  const given = Object.keys(parameters).map((name) => name.toLowerCase());
  const missing = [...used].filter((name) => !given.includes(name));
  const unused = given.filter((name) => !used.has(name));
  if (missing.length > 0)
    throw finalFailure("SQL_FAILED", `The SQL uses @${missing.join(", @")}, which is not in the parameters`);
  if (unused.length > 0) throw finalFailure("SQL_FAILED", `The SQL has no parameter @${unused.join(", @")}`);
}

/** Replaces each use of a parameter outside of strings and comments. */
function replaceParameters(sql: string, replacement: (name: string) => string): string {
  return sql.replace(tokens, (token) => (/^@[^@]/.test(token) ? replacement(token.slice(1)) : token));
}

/** Cuts a statement at its semicolon, so that it can be put in parentheses. */
export function withoutTrailingSemicolon(statement: string): string {
  const end = [...statement.matchAll(tokens)].find(([token]) => token === ";");
  return end ? statement.slice(0, end.index) : statement;
}
