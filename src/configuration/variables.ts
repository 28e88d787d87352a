import * as z from "zod";

/** The environment variables of a process, not yet parsed. */
export type RawEnvironment = Readonly<Record<string, string | undefined>>;

/** A missing or invalid variable. */
export interface VariableProblem {
  /** The variable, an item of a list such as `NAME[0]`, or the line of a file that sets it. */
  readonly variable: string;
  readonly message: string;
}

interface ParsedVariables<Values> {
  /** Undefined if there are problems. */
  readonly values: Values | undefined;
  readonly problems: readonly VariableProblem[];
}

/** Parses each variable by itself, and collects the problems of all. */
export function parseVariables<Values>(
  schema: z.ZodType<Values>,
  environment: RawEnvironment,
): ParsedVariables<Values> {
  const { data: values, error } = schema.safeParse(environment, { error: describeIssue });
  const problems = (error?.issues ?? []).map(({ path, message }) => ({
    variable: z.core.toDotPath(path),
    message,
  }));
  return { values, problems };
}

/** All problems, for people. */
export function problemsText(problems: readonly VariableProblem[]): string {
  return problems.map(({ variable, message }) => `✖ ${message}\n  → at ${variable}`).join("\n");
}

/** Describes the problem of a variable whose schema has no message of its own. */
const describeIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_value":
      return `write ${alternatives(issue.values.map(String))}`;
    case "invalid_type":
      return issue.expected === "int" ? "write a whole number" : `write a ${issue.expected}`;
    case "too_small":
      return rangeMessage(issue);
    case "too_big":
      return `at most ${issue.maximum}${unitFor(issue.origin)}`;
    case "invalid_format":
      return formatMessages[issue.format];
    default:
      return undefined;
  }
};

const formatMessages: Readonly<Record<string, string>> = {
  email: "write an e-mail address",
  url: "write an http:// or https:// address",
};

function rangeMessage({ origin, minimum, inclusive }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (origin === "string" && minimum === 1) return "write something, or leave it out";
  return `${inclusive ? "at least" : "more than"} ${minimum}${unitFor(origin)}`;
}

function unitFor(origin: string): string {
  return origin === "string" ? " characters" : "";
}

function alternatives(values: readonly string[]): string {
  const last = values.at(-1) ?? "";
  return values.length < 2 ? last : `${values.slice(0, -1).join(", ")} or ${last}`;
}

export const flag = z.enum(["true", "false", "1", "0"]).transform((text) => text === "true" || text === "1");

/** Items separated by commas or white space. */
export const list = z.string().transform((text) => text.split(/[\s,]+/).filter((item) => item !== ""));

const localHosts: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** The origin of a service. Tokens and secrets are sent there, so http is allowed only on this machine. */
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
  return protocol === "https:" || (protocol === "http:" && localHosts.has(hostname));
}
