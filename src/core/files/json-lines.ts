import { errorMessage } from "../errors/errors.ts";
import { limits } from "../limits.ts";
import { describeChange, isExactNumber } from "../values/json-text.ts";
import { FileProblem } from "./column-values.ts";

/** Only a line that matches can hold a number whose text JSON.parse does not preserve. */
const mayHoldSpecialNumber = /\d[\d.]{15}|\d[eE][+-]?\d|\.\d*0(?!\d)/;
const whole = /^-?\d{1,19}$/;

/** The text of a number, if the double differs from it: `1.0` is a fraction, and a double may have other digits. */
class NumberSource {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** Parses a line for `JsonFields`. Throws the SyntaxError of `JSON.parse`. */
function parseLine(text: string): unknown {
  if (!mayHoldSpecialNumber.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key: string, item: unknown, context?: { readonly source?: string }) => {
    const source = typeof item === "number" ? context?.source : undefined;
    return source === undefined || source === String(item) ? item : new NumberSource(source);
  });
}

interface Numbers {
  /** Some numbers of the field are fractions, so all become doubles. */
  hasFraction: boolean;
  /** The first number that a double can't hold. */
  changed: { readonly line: number; readonly source: string } | undefined;
}

/** Collects the fields of JSON lines, at any depth. */
class JsonFields {
  /** Field paths by their lower-case form: columns and fields are case-insensitive. */
  readonly #names = new Map<string, string>();
  readonly #numbers = new Map<string, Numbers>();
  readonly #isFraction: (path: string) => boolean;

  /** `isFraction`: whether a field holds doubles in the table. */
  constructor(isFraction: (path: string) => boolean) {
    this.#isFraction = isFraction;
  }

  /** The mistake in the value of a field or a line. Undefined if there is none. */
  add(value: unknown, line: number, path = ""): string | undefined {
    if (typeof value === "number") this.#addNumber(path, !Number.isInteger(value));
    if (value instanceof NumberSource) this.#addSource(path, line, value.source);
    else if (typeof value === "object" && value !== null) return this.#addAll(value, line, path);
    if (typeof value !== "string" || value.isWellFormed()) return undefined;
    return `the text of "${path}" holds half a character, such as \\ud83d; write all of it`;
  }

  #addAll(value: object, line: number, path: string): string | undefined {
    for (const [key, item] of Object.entries(value)) {
      const problem = Array.isArray(value)
        ? this.add(item, line, path)
        : (this.#addName(key, path) ?? this.add(item, line, under(path, key)));
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** Throws a `FileProblem` for the first number that a field's doubles can't hold, and if no line has a field. */
  end(): void {
    if (this.#names.size === 0)
      throw new FileProblem(undefined, "its objects are empty: there are no columns");
    for (const [path, { hasFraction, changed }] of this.#numbers)
      if (hasFraction && changed)
        throw new FileProblem(
          changed.line,
          `${describeChange(changed.source)}; write the numbers of this field as strings`,
          path,
        );
  }

  #addName(key: string, path: string): string | undefined {
    if (key === "") return `${path === "" ? "it" : `"${path}"`} has a key without a name (""); give it one`;
    const name = under(path, key);
    const other = this.#names.get(name.toLowerCase());
    if (other !== undefined && other !== name)
      return `the keys "${other}" and "${name}" have the same name: case makes no difference; rename one of them`;
    this.#names.set(name.toLowerCase(), name);
    return undefined;
  }

  #addSource(path: string, line: number, source: string): void {
    const numbers = this.#addNumber(
      path,
      !whole.test(source) || BigInt.asIntN(64, BigInt(source)) !== BigInt(source),
    );
    if (!isExactNumber(source)) numbers.changed ??= { line, source };
  }

  #addNumber(path: string, isFraction: boolean): Numbers {
    const numbers = this.#numbers.get(path) ?? { hasFraction: this.#isFraction(path), changed: undefined };
    numbers.hasFraction ||= isFraction;
    this.#numbers.set(path, numbers);
    return numbers;
  }
}

function under(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

export interface TextLine {
  /** 1 for the first. */
  readonly number: number;
  readonly text: string;
}

/** The lines of a text that are not blank. Throws a `FileProblem` for one that is too long. */
export async function* splitLines(texts: AsyncIterable<string>): AsyncGenerator<TextLine> {
  let pieces: string[] = [];
  let length = 0;
  let number = 1;
  for await (const piece of texts) {
    const [first = "", ...others] = piece.split("\n");
    pieces.push(first);
    length += first.length;
    for (const next of others) {
      const text = pieces.join("");
      if (text.trim() !== "") yield { number, text };
      number += 1;
      pieces = [next];
      length = next.length;
    }
    if (length > limits.fileRowBytes)
      throw new FileProblem(
        number,
        `the line is longer than the maximum size of ${limits.fileRowBytes / 1024 ** 2} MiB; every ` +
          "line has to be one JSON object",
      );
  }
  const text = pieces.join("");
  if (text.trim() !== "") yield { number, text };
}

/**
 * Checks that each line is one JSON object, that no keys differ only in case, and that every number fits its column.
 * Returns the number of lines. `isFraction`: whether the field at a path holds doubles in the table. Throws a
 * `FileProblem` for the first mistake.
 */
export async function checkJsonLines(
  texts: AsyncIterable<string>,
  isFraction: (path: string) => boolean = () => false,
): Promise<number> {
  const fields = new JsonFields(isFraction);
  let lines = 0;
  for await (const { number, text } of splitLines(texts)) {
    lines += 1;
    const problem = lineProblem(text) ?? fields.add(parseLine(text), number);
    if (problem !== undefined) throw new FileProblem(number, problem);
  }
  if (lines > 0) fields.end();
  return lines;
}

/** It does not mention the line, because the position is printed before it. */
const rule = "it has to be one JSON object";

function lineProblem(text: string): string | undefined {
  const begin = text.trim();
  let value: unknown;
  try {
    value = JSON.parse(begin);
  } catch (thrown) {
    if (begin.startsWith("["))
      return `this begins an array; ${rule}. Write each item by itself, as jq -c '.[]' does`;
    if (/^\{\s*("(?:[^"\\]|\\.)*"\s*:[^{}]*,?)?$/.test(begin))
      return `the object does not end; ${rule}. Write it without line breaks, as jq -c . does`;
    return `this is not JSON (${syntaxReason(thrown)}); ${rule}`;
  }
  if (Array.isArray(value))
    return `this is an array; ${rule}. Write each item by itself, as jq -c '.[]' does`;
  if (typeof value !== "object" || value === null) return `this is no object; ${rule}`;
  return undefined;
}

/** The parser's message without the text of the line, which may be long. */
function syntaxReason(thrown: unknown): string {
  return errorMessage(thrown)
    .replace(/, (?:\.\.\.)?".*$/s, "")
    .replace(/ in JSON at position \d+.*$/s, "");
}
