import * as z from "zod";
import type { RawEnvironment } from "./raw-environment.ts";
import { variableSentence } from "./variable-sentences.ts";

/** Something wrong with what is configured. */
export interface VariableProblem {
  /** The variable; the item of one that is a list, such as `NAME[0]`; or the line of a file that sets it. */
  readonly variable: string;
  readonly message: string;
}

interface ParsedVariables<Values> {
  /** Undefined when something is wrong. */
  readonly values: Values | undefined;
  readonly problems: readonly VariableProblem[];
}

/** Reads each variable by itself, and says of every one what is wrong with it. */
export function parseVariables<Values>(
  schema: z.ZodType<Values>,
  environment: RawEnvironment,
): ParsedVariables<Values> {
  const { data: values, error } = schema.safeParse(environment, { error: variableSentence });
  const problems = (error?.issues ?? []).map(({ path, message }) => ({
    variable: z.core.toDotPath(path),
    message,
  }));
  return { values, problems };
}

/** All of them, as people read them. */
export function problemsText(problems: readonly VariableProblem[]): string {
  return problems.map(({ variable, message }) => `✖ ${message}\n  → at ${variable}`).join("\n");
}
