import type * as z from "zod";
import type { ErrorCode } from "../core/error-catalog.ts";
import { BatonError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { pathStep } from "../core/path-step.ts";

/** The error for a body that can't be a message. Both texts may quote the body: they are cut to a bearable length. */
export function refusal(code: ErrorCode, message: string, where: string): BatonError {
  return new BatonError(code, cut(message), { where: cut(where) });
}

/** The value as the schema has it. Throws `BODY_NOT_AN_EVENT`, naming what was expected and the first field that is off. */
export function parseAs<T>(schema: z.ZodType<T>, value: unknown, expected: string, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = mostTelling(parsed.error.issues) ?? { path: [], message: "wrong form" };
  const problem = path.length > 0 && isMissing(value, path) ? "it is missing" : message;
  throw refusal("BODY_NOT_AN_EVENT", `This is not ${expected}: ${problem}`, pathOf(where, path));
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Of a union no alternative fits: the one that complains least is the one that was meant. */
function mostTelling(issues: readonly z.core.$ZodIssue[]): Issue | undefined {
  const [first] = issues;
  if (first?.code !== "invalid_union") return first;
  const nearest = first.errors.toSorted((one, other) => one.length - other.length)[0];
  const inner = nearest && mostTelling(nearest);
  return inner ? { path: [...first.path, ...inner.path], message: inner.message } : first;
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = path.reduce<unknown>(
    (holder, key) =>
      typeof holder === "object" && holder !== null
        ? Object.getOwnPropertyDescriptor(holder, key)?.value
        : holder,
    value,
  );
  return found === undefined;
}

function pathOf(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => text + pathStep(key), where);
}

function cut(text: string): string {
  const longest = limits.errorMessageCharacters / 2;
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
