import * as z from "zod";
import { errorCode } from "../../../core/errors/errors.ts";
import { decodeEscapes } from "../../../core/googlesql/escapes.ts";
import { Refusal } from "../../../core/googlesql/refusal.ts";
import {
  type Translation,
  type TranslationInput,
  translateGoogleSql,
} from "../../../core/googlesql/translate.ts";
import { permanentError } from "../statements.ts";

/** The parser of GoogleSQL: an optional package of 24 MB, which is loaded when the first text needs it. */
const parserPackage = "@polyglot-sql/sdk";
const parserVersion = "0.12.1";

type Parsed = { readonly success: boolean; readonly error?: string | undefined };

const ParserSchema = z.object({
  parse: z.custom<(text: string, dialect: string) => Parsed & { readonly ast?: unknown }>(isFunction),
  generate:
    z.custom<(tree: unknown, dialect: string) => Parsed & { readonly sql?: readonly string[] }>(isFunction),
});

function isFunction(value: unknown): boolean {
  return typeof value === "function";
}

/** Loads the parser. Throws `GOOGLESQL_PARSER_MISSING`. */
async function loadParser(): Promise<z.infer<typeof ParserSchema>> {
  try {
    return ParserSchema.parse(await import(parserPackage));
  } catch (cause) {
    if (errorCode(cause) !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw permanentError(
      "GOOGLESQL_PARSER_MISSING",
      `SQL in \`googlesql\` needs the package ${parserPackage} on this machine. ` +
        `Run: npm install ${parserPackage}@${parserVersion}`,
      cause,
    );
  }
}

/** A text with its tree, or why it can't be parsed. */
type Tree = Pick<TranslationInput, "text" | "tree" | "rewritten"> | { readonly problem: string };

export async function parseGoogleSql(text: string): Promise<Tree> {
  const parser = await loadParser();
  const decoded = withoutEscapes(text);
  if (typeof decoded !== "string") return decoded;
  const parsed = parser.parse(decoded, "bigquery");
  if (!parsed.success) return { problem: `it can't be parsed: ${parsed.error ?? "unknown error"}` };
  const generated = parser.generate(parsed.ast, "bigquery");
  return { text, tree: parsed.ast, rewritten: generated.sql?.join(";") ?? "" };
}

function withoutEscapes(text: string): string | { readonly problem: string } {
  try {
    return decodeEscapes(text);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    return { problem: thrown.message };
  }
}

interface GoogleSqlProblem {
  readonly code: "SQL_FAILED" | "SQL_UNSUPPORTED";
  readonly message: string;
  readonly line?: number | undefined;
}

/**
 * Why a text in GoogleSQL can't be run on DuckDB, as far as this shows without its tables; undefined if it can. Throws
 * `GOOGLESQL_PARSER_MISSING`.
 */
export async function checkGoogleSql(text: string): Promise<GoogleSqlProblem | undefined> {
  const parsed = await parseGoogleSql(text);
  if ("problem" in parsed) return { code: "SQL_FAILED", message: parsed.problem };
  const translation = translateGoogleSql(parsed);
  if (translation.ok) return undefined;
  const { isMistake, line } = translation.refusal;
  return { code: isMistake ? "SQL_FAILED" : "SQL_UNSUPPORTED", message: describeRefusal(translation), line };
}

export function describeRefusal({ refusal }: Extract<Translation, { readonly ok: false }>): string {
  const { word, reason, line, column } = refusal;
  const place = line === undefined ? "" : `line ${line}, column ${column}: `;
  return `${place}${word === "" ? "" : `${word}: `}${reason}`;
}
