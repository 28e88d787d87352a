import * as z from "zod";

/** The variables of a process as they are, or some of them. */
export type RawEnvironment = Readonly<Record<string, string | undefined>>;

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

/** Says of a variable what is wrong with it, where its schema has no sentence of its own. */
const variableSentence: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_value":
      return `write ${oneOf(issue.values.map(String))}`;
    case "invalid_type":
      return issue.expected === "int" ? "write a whole number" : `write a ${issue.expected}`;
    case "too_small":
      return rangeMessage(issue);
    case "too_big":
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case "invalid_format":
      return formatSentences[issue.format];
    default:
      return undefined;
  }
};

const formatSentences: Readonly<Record<string, string>> = {
  email: "write an e-mail address",
  url: "write an http:// or https:// address",
};

function rangeMessage({ origin, minimum, inclusive }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (origin === "string" && minimum === 1) return "write something, or leave it out";
  return `${inclusive ? "at least" : "more than"} ${minimum}${unitOf(origin)}`;
}

function unitOf(origin: string): string {
  return origin === "string" ? " characters" : "";
}

function oneOf(values: readonly string[]): string {
  const last = values.at(-1) ?? "";
  return values.length < 2 ? last : `${values.slice(0, -1).join(", ")} or ${last}`;
}

/** On or off. */
export const flag = z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1");

/** Items, separated by commas or blanks. */
export const list = z.string().transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""));

const thisMachine: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The origin of a service. Tokens and secrets go there: by http on this machine alone. */
export const serviceUrl = z.string().transform((text, context) => {
  const url = URL.parse(text);
  if (url && isSafe(url) && url.pathname === "/" && url.search === "" && url.username === "")
    return url.origin;
  context.addIssue({
    code: "custom",
    message: "Write an https:// address without a path; http:// is for this machine only",
  });
  return z.NEVER;
});

function isSafe({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && thisMachine.has(hostname));
}
