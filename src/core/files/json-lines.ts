import { messageOf } from "../errors.ts";
import { limits } from "../limits.ts";
import { FileProblem } from "./file-problem.ts";
import { JsonFields, parseLine } from "./json-fields.ts";

export interface TextLine {
  /** 1 for the first. */
  readonly number: number;
  readonly text: string;
}

/** The lines of a text that have anything in them. Throws a `FileProblem` for one that is too long. */
export async function* linesOf(texts: AsyncIterable<string>): AsyncGenerator<TextLine> {
  let pieces: string[] = [];
  let held = 0;
  let number = 1;
  for await (const piece of texts) {
    const [first = "", ...rest] = piece.split("\n");
    pieces.push(first);
    held += first.length;
    for (const next of rest) {
      const text = pieces.join("");
      if (text.trim() !== "") yield { number, text };
      number += 1;
      pieces = [next];
      held = next.length;
    }
    if (held > limits.fileRowBytes)
      throw new FileProblem(
        number,
        `the line is longer than the maximum size of ${limits.fileRowBytes / 1024 ** 2} MiB; every line has to be one JSON object`,
      );
  }
  const text = pieces.join("");
  if (text.trim() !== "") yield { number, text };
}

/**
 * Throws a `FileProblem` for the first line that is not one JSON object, or has a key that differs from another only
 * in case, and for a number that would be changed. Gives the number of lines. `isFraction`: whether the table says
 * that a field, by its path, holds doubles.
 */
export async function checkJsonLines(
  texts: AsyncIterable<string>,
  isFraction: (path: string) => boolean = () => false,
): Promise<number> {
  const fields = new JsonFields(isFraction);
  let lines = 0;
  for await (const { number, text } of linesOf(texts)) {
    lines += 1;
    const problem = problemOf(text) ?? fields.add(parseLine(text), number);
    if (problem !== undefined) throw new FileProblem(number, problem);
  }
  if (lines > 0) fields.end();
  return lines;
}

/** No word of lines here: the place stands before it. */
const rule = "it has to be one JSON object";

function problemOf(text: string): string | undefined {
  const begin = text.trim();
  let value: unknown;
  try {
    value = JSON.parse(begin);
  } catch (thrown) {
    if (begin.startsWith("["))
      return `this begins an array; ${rule}. Write each item by itself, as jq -c '.[]' does`;
    if (/^\{\s*("(?:[^"\\]|\\.)*"\s*:[^{}]*,?)?$/.test(begin))
      return `the object does not end; ${rule}. Write it without line breaks, as jq -c . does`;
    return `this is not JSON (${reasonOf(thrown)}); ${rule}`;
  }
  if (Array.isArray(value))
    return `this is an array; ${rule}. Write each item by itself, as jq -c '.[]' does`;
  if (typeof value !== "object" || value === null) return `this is no object; ${rule}`;
  return undefined;
}

/** Without the text of the line, which may be long. */
function reasonOf(thrown: unknown): string {
  return messageOf(thrown)
    .replace(/, (?:\.\.\.)?".*$/s, "")
    .replace(/ in JSON at position \d+.*$/s, "");
}
