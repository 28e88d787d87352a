import { readFileSync } from "node:fs";
import type { DuckDBConnection } from "@duckdb/node-api";
import * as z from "zod";
import { parseGoogleSql } from "../../src/adapters/duckdb/googlesql/parser.ts";
import type { KnownTable } from "../../src/core/googlesql/queries/surroundings.ts";
import { translateGoogleSql } from "../../src/core/googlesql/translate.ts";
import { answerOf, isSameAnswer } from "./answers.ts";

const TextSchema = z.object({
  sql: z.string(),
  answer: z.union([
    z.object({ types: z.array(z.string()), rows: z.array(z.array(z.unknown())) }),
    /** Whether the reference implementation refused the text, or failed while it ran. */
    z.object({ error: z.enum(["analysis", "evaluation"]) }),
  ]),
});
export type Text = z.infer<typeof TextSchema>;

/** Texts with the answers of the reference implementation of GoogleSQL. */
export function readTexts(file: URL): readonly Text[] {
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => TextSchema.parse(JSON.parse(line)));
}

/**
 * - `same`: the same answer.
 * - `other`: another answer, without an error.
 * - `refused`: not run, or failed, although there is an answer.
 * - `failed too`: neither has an answer.
 * - `not failed`: an answer, although GoogleSQL fails while it runs.
 * - `not analyzed`: an answer to a text that GoogleSQL refuses before it runs. Such a text never reaches BigQuery.
 */
export type Verdict = "same" | "other" | "refused" | "failed too" | "not failed" | "not analyzed";

export interface Comparison {
  readonly sql: string;
  readonly verdict: Verdict;
  readonly detail: string;
}

/** The macros that each connection has. */
const created = new WeakMap<DuckDBConnection, Set<string>>();

/** Runs the translation of a text, and compares its answer. */
export async function compare(
  connection: DuckDBConnection,
  { sql, answer }: Text,
  tables: ReadonlyMap<string, KnownTable> = new Map(),
): Promise<Comparison> {
  const hasAnswer = "rows" in answer;
  const failed = (detail: string): Comparison => ({
    sql,
    verdict: hasAnswer ? "refused" : "failed too",
    detail,
  });
  const parsed = await parseGoogleSql(sql);
  if ("problem" in parsed) return failed(parsed.problem);
  const translation = translateGoogleSql({
    ...parsed,
    known: { tables: (path) => tables.get(path.at(-1) ?? ""), parameters: new Map() },
  });
  if (!translation.ok) return failed(`${translation.refusal.word}: ${translation.refusal.reason}`);
  try {
    const known = created.get(connection) ?? new Set();
    created.set(connection, known);
    for (const macro of translation.macros.filter((one) => !known.has(one))) await connection.run(macro);
    for (const macro of translation.macros) known.add(macro);
    const found = await answerOf(connection, translation.sql);
    if (!hasAnswer)
      return {
        sql,
        verdict: answer.error === "analysis" ? "not analyzed" : "not failed",
        detail: JSON.stringify(found.rows),
      };
    const isOrdered = /\border by[^()]*$/i.test(sql);
    const isSame =
      isSameAnswer(answer.rows, found.rows, isOrdered) && found.types.join() === answer.types.join();
    return {
      sql,
      verdict: isSame ? "same" : "other",
      detail: `${JSON.stringify(answer)} / ${JSON.stringify(found)}`,
    };
  } catch (error) {
    return failed(String(error));
  }
}
