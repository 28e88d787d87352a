import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import type { VariableProblem } from "../../composition/variable-problems.ts";
import { BatonError, messageOf } from "../../core/errors.ts";
import { nameProblem } from "./variable-names.ts";

/** The variables of one deployment, and what is wrong with the file that they are in. */
export interface VariablesFile {
  readonly variables: Readonly<Record<string, string>>;
  readonly problems: readonly VariableProblem[];
}

/** Reads a file of lines `NAME=value`. Throws `USAGE` when there is none. */
export function readVariablesFile(path: string): VariablesFile {
  const text = textOf(path);
  const entries = Object.entries(parseEnv(text)).map(([name, value]) => [name, value ?? ""] as const);
  const variables = Object.fromEntries(entries);
  const lines = new Map<string, number>();
  const problems = statementsOf(text).flatMap(({ line, name = "", problem }) => {
    const first = lines.get(name);
    lines.set(name, first ?? line);
    const twice = name === "" || first === undefined ? undefined : `${name} is set in line ${first} already`;
    const found = problem ?? twice ?? nameProblem(name, variables[name] ?? "");
    return found === undefined ? [] : [{ variable: `line ${line} of ${path}`, message: found }];
  });
  return { variables, problems };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/^\uFEFF/, "");
  } catch (cause) {
    throw new BatonError("USAGE", `Can't read ${path}: ${messageOf(cause)}`, {
      cause,
      remedy: "Give --variables a file of lines NAME=value; its path counts from the folder that you are in.",
    });
  }
}

interface Statement {
  /** Counted from 1. */
  readonly line: number;
  readonly name?: string;
  readonly problem?: string;
}

const beginning = /[^\S\n]*(?:export[^\S\n]+)?([A-Za-z_]\w*)[^\S\n]*=[^\S\n]*/y;
const quotes = ['"', "'", "`"];

/** Where each variable begins. Node passes over what it does not understand, and so over slips of the pen. */
function statementsOf(text: string): Statement[] {
  const found: Statement[] = [];
  let line = 1;
  for (let at = 0; at < text.length; ) {
    const end = endOfLine(text, at);
    const next = statementAt(text, at, end);
    if (next.statement) found.push({ line, ...next.statement });
    line += text.slice(at, next.end + 1).split("\n").length - 1;
    at = next.end + 1;
  }
  return found;
}

/** What begins in a line, and where the last line of it ends. */
function statementAt(text: string, at: number, end: number) {
  const written = text.slice(at, end).trim();
  if (written === "" || written.startsWith("#")) return { end };
  beginning.lastIndex = at;
  const [whole = "", name] = beginning.exec(text) ?? [];
  if (name === undefined) return { end, statement: { problem: "expected NAME=value, or # and a comment" } };
  const valueAt = at + whole.length;
  const quote = quotes.find((mark) => text[valueAt] === mark);
  if (quote === undefined)
    return { end, statement: { name, ...unquotedProblem(name, text.slice(valueAt, end)) } };
  const closedAt = text.indexOf(quote, valueAt + 1);
  if (closedAt < 0)
    return { end, statement: { name, problem: `${name} begins with ${quote}, which is never closed` } };
  const quoteEnd = endOfLine(text, closedAt);
  return {
    end: quoteEnd,
    statement: { name, ...afterQuoteProblem(name, text.slice(closedAt + 1, quoteEnd)) },
  };
}

/** Node takes every # for the beginning of a comment, also one inside a word. */
function unquotedProblem(name: string, value: string): Pick<Statement, "problem"> {
  if (!/^[^#]*[^\s#]#/.test(value)) return {};
  return {
    problem: `The value of ${name} would end before its #: put it into quotes, or a blank before a comment`,
  };
}

/** Node passes over it. */
function afterQuoteProblem(name: string, rest: string): Pick<Statement, "problem"> {
  if (/^\s*(?:#.*)?$/.test(rest)) return {};
  return { problem: `${name} has more after its closing quote: only # and a comment may stand there` };
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end;
}
