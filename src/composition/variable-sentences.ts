import type * as z from "zod";

/** Says of a variable what is wrong with it, where its schema has no sentence of its own. */
export const variableSentence: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "invalid_value":
      return `write ${oneOf(issue.values.map(String))}`;
    case "invalid_type":
      return issue.expected === "int" ? "write a whole number" : `write a ${issue.expected}`;
    case "too_small":
      return leastSentence(issue);
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

function leastSentence({
  origin,
  minimum,
  inclusive,
}: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
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
