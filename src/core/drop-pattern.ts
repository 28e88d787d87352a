import picomatch from "picomatch";
import { whyNoDrop } from "./drops.ts";

/** A pattern in all its readings, compiled. */
interface Compiled {
  readonly matches: (object: string) => boolean;
  readonly matchesInOtherCase: (object: string) => boolean;
}

/** Patterns come from workflows, of which there are few; those of workflows that were replaced need not stay. */
const mostCompiled = 10_000;
const compiled = new Map<string, Compiled>();

/**
 * Whether the pattern of a file trigger takes an object of this name. `*` and `?` stay within a folder, `**` crosses
 * folders, and a name that begins with a dot is matched only by a pattern that writes the dot. Parentheses, brackets,
 * braces and `|` mean alternatives and sets, **and** themselves: `Reports (final)/*.csv` takes the files of the folder
 * of that name. `!` means itself, except in `!(…)`. A backslash makes any character mean only itself.
 */
export function matchesPattern(pattern: string, object: string): boolean {
  return compile(pattern).matches(object);
}

/** Whether the object would match if upper and lower case were the same. */
export function matchesInOtherCase(pattern: string, object: string): boolean {
  return compile(pattern).matchesInOtherCase(object);
}

/** Why no object can ever match; undefined when one can. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === "") return "a pattern has at least one character";
  if (pattern.startsWith("/")) return 'names of objects do not begin with "/": leave it away';
  if (/^[a-z]+:\/\//i.test(pattern))
    return "a pattern matches the name of the object: write sales/*.csv, and the bucket in `bucket`";
  if (pattern.endsWith("/"))
    return 'a name that ends in "/" is a folder: write *, or ** for any depth, behind it';
  if (pattern.split("/").some((part) => part === "." || part === ".."))
    return 'names of objects have no "." and ".." in their path';
  if (whyNoDrop(pattern) === "unfinished")
    return "hidden and unfinished files (.x, ~x, x~, .tmp, .part, .partial, .crdownload) start nothing";
  return undefined;
}

/**
 * The folder, with a `/` at its end, that holds everything that the pattern can match; empty for the whole bucket. And
 * whether what matches may lie deeper than in that folder itself.
 */
export function rootOfPattern(pattern: string): { readonly folder: string; readonly isDeep: boolean } {
  const special = pattern.search(/[*?()[\]{}|!+@\\]/);
  const plain = special === -1 ? pattern : pattern.slice(0, special);
  const folder = plain.slice(0, plain.lastIndexOf("/") + 1);
  const rest = pattern.slice(folder.length);
  return { folder, isDeep: rest.includes("/") || rest.includes("**") };
}

function compile(pattern: string): Compiled {
  const known = compiled.get(pattern);
  if (known) return known;
  const readings = [pattern, literally(pattern)];
  const fresh = {
    matches: picomatch(readings, { nonegate: true }),
    matchesInOtherCase: picomatch(readings, { nonegate: true, nocase: true }),
  };
  if (compiled.size >= mostCompiled) compiled.clear();
  compiled.set(pattern, fresh);
  return fresh;
}

/** The pattern with all but its wildcards meaning themselves. What follows a backslash is left alone. */
function literally(pattern: string): string {
  return pattern.replace(/\\.|[()[\]{}|+@!^$]/gs, (found) => (found.startsWith("\\") ? found : `\\${found}`));
}
