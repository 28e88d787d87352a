import { errorMessage } from "../errors/errors.ts";
import { describeChange, isExactNumber } from "../values/json-text.ts";
import { FileProblem } from "./file-problem.ts";
import { splitJson } from "./json-items.ts";
import { type JsonFieldType, JsonShape } from "./json-schema.ts";

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

/** Whether it is a whole number of 64 bits. */
function isInteger(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < 2 ** 63;
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
  readonly shape = new JsonShape();

  /** `isFraction`: whether a field holds doubles in the table. */
  constructor(isFraction: (path: string) => boolean) {
    this.#isFraction = isFraction;
  }

  /** The mistake in the value of a field or a line. Undefined if there is none. */
  add(value: unknown, line: number, path = "", shape = this.shape): string | undefined {
    if (value instanceof NumberSource) shape.addScalar(this.#addSource(path, line, value.source));
    else if (typeof value === "object" && value !== null) return this.#addAll(value, line, path, shape);
    else if (typeof value === "number") shape.addScalar(this.#addNumber(path, !isInteger(value)));
    else if (typeof value === "boolean") shape.addScalar("boolean");
    if (typeof value !== "string") return undefined;
    shape.addScalar("text", value);
    if (value.isWellFormed()) return undefined;
    return `the text of "${path}" holds half a character, such as \\ud83d; write all of it`;
  }

  #addAll(value: object, line: number, path: string, shape: JsonShape): string | undefined {
    if (Array.isArray(value)) {
      const items = shape.addList();
      for (const item of value) {
        const problem = this.add(item, line, path, items);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    shape.addObject();
    for (const [key, item] of Object.entries(value)) {
      const problem = this.#addName(key, path) ?? this.add(item, line, under(path, key), shape.field(key));
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

  #addSource(path: string, line: number, source: string): "integer" | "decimal" {
    const isWhole = whole.test(source) && BigInt.asIntN(64, BigInt(source)) === BigInt(source);
    const kind = this.#addNumber(path, !isWhole);
    const numbers = this.#numbers.get(path);
    if (numbers && !isExactNumber(source)) numbers.changed ??= { line, source };
    return kind;
  }

  #addNumber(path: string, isFraction: boolean): "integer" | "decimal" {
    const numbers = this.#numbers.get(path) ?? { hasFraction: this.#isFraction(path), changed: undefined };
    numbers.hasFraction ||= isFraction;
    this.#numbers.set(path, numbers);
    return isFraction ? "decimal" : "integer";
  }
}

function under(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** The result of the scan of a valid JSON file. */
export interface JsonScan {
  readonly rows: number;
  /** Its columns. */
  readonly fields: readonly JsonFieldType[];
}

/**
 * Checks that each value is one JSON object, that no keys differ only in case, and that every number fits its column.
 * `isFraction`: whether the field at a path holds doubles in the table. Throws a `FileProblem` for the first mistake.
 */
export async function scanJson(
  texts: AsyncIterable<string>,
  isFraction: (path: string) => boolean = () => false,
): Promise<JsonScan> {
  const fields = new JsonFields(isFraction);
  let rows = 0;
  for await (const { line, text } of splitJson(texts)) {
    rows += 1;
    const problem = itemProblem(text) ?? fields.add(parseLine(text), line);
    if (problem !== undefined) throw new FileProblem(line, problem);
  }
  if (rows > 0) fields.end();
  const { type } = fields.shape;
  return { rows, fields: type.kind === "object" ? type.fields : [] };
}

/** It does not mention the line, because the position is printed before it. */
const rule = "it has to be one JSON object";

function itemProblem(text: string): string | undefined {
  const begin = text.trim();
  let value: unknown;
  try {
    value = JSON.parse(begin);
  } catch (thrown) {
    if (/^\{\s*("(?:[^"\\]|\\.)*"\s*:[^{}]*,?)?$/.test(begin))
      return `the object does not end; ${rule}. Write it without line breaks, as jq -c . does`;
    return `this is not JSON (${syntaxReason(thrown)}); ${rule}`;
  }
  if (Array.isArray(value)) return `this is an array; ${rule}`;
  if (typeof value !== "object" || value === null) return `this is no object; ${rule}`;
  return undefined;
}

/** The parser's message without the text of the line, which may be long. */
function syntaxReason(thrown: unknown): string {
  return errorMessage(thrown)
    .replace(/, (?:\.\.\.)?".*$/s, "")
    .replace(/ in JSON at position \d+.*$/s, "");
}
