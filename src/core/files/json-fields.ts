import { changeOf } from "../exact-json.ts";
import { isKept } from "../exact-number.ts";
import { FileProblem } from "./file-problem.ts";

/** Only such a line can hold a number that JSON.parse does not tell all about. */
const unclear = /\d[\d.]{15}|\d[eE][+-]?\d|\.\d*0(?!\d)/;
const whole = /^-?\d{1,19}$/;

/**
 * A number as it was written, where the value alone does not say it: `1.0` is a fraction, and a double may have other
 * digits.
 */
class WrittenNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** The value of a line, for `JsonFields`. Throws the SyntaxError of `JSON.parse`. */
export function parseLine(text: string): unknown {
  if (!unclear.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key: string, item: unknown, context?: { readonly source?: string }) => {
    const source = typeof item === "number" ? context?.source : undefined;
    return source === undefined || source === String(item) ? item : new WrittenNumber(source);
  });
}

interface Numbers {
  /** Some are fractions, so that all of them become doubles. */
  hasFraction: boolean;
  /** The first that would be changed by that. */
  changed: { readonly line: number; readonly source: string } | undefined;
}

/** The fields of JSON lines, at any depth, as they come by. */
export class JsonFields {
  /** Under what they are without case: columns and fields have none. */
  readonly #names = new Map<string, string>();
  readonly #numbers = new Map<string, Numbers>();
  readonly #isFraction: (path: string) => boolean;

  /** `isFraction`: whether the table says that a field holds doubles. */
  constructor(isFraction: (path: string) => boolean) {
    this.#isFraction = isFraction;
  }

  /** What is wrong with the value of a field, or of a whole line. */
  add(value: unknown, line: number, path = ""): string | undefined {
    if (typeof value === "number") this.#number(path, !Number.isInteger(value));
    if (value instanceof WrittenNumber) this.#written(path, line, value.source);
    else if (typeof value === "object" && value !== null) return this.#addAll(value, line, path);
    if (typeof value !== "string" || value.isWellFormed()) return undefined;
    return `the text of "${path}" holds half a character, such as \\ud83d; write all of it`;
  }

  #addAll(value: object, line: number, path: string): string | undefined {
    for (const [key, item] of Object.entries(value)) {
      const problem = Array.isArray(value)
        ? this.add(item, line, path)
        : (this.#name(key, path) ?? this.add(item, line, under(path, key)));
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /**
   * Throws a `FileProblem` for the first number that its field's doubles can't hold, and for lines that have no
   * fields.
   */
  end(): void {
    if (this.#names.size === 0)
      throw new FileProblem(undefined, "its objects are empty: there are no columns");
    for (const [path, { hasFraction, changed }] of this.#numbers)
      if (hasFraction && changed)
        throw new FileProblem(
          changed.line,
          `${changeOf(changed.source)}; write the numbers of this field as strings`,
          path,
        );
  }

  #name(key: string, path: string): string | undefined {
    if (key === "") return `${path === "" ? "it" : `"${path}"`} has a key without a name (""); give it one`;
    const name = under(path, key);
    const other = this.#names.get(name.toLowerCase());
    if (other !== undefined && other !== name)
      return `the keys "${other}" and "${name}" have the same name: case makes no difference; rename one of them`;
    this.#names.set(name.toLowerCase(), name);
    return undefined;
  }

  #written(path: string, line: number, source: string): void {
    const numbers = this.#number(
      path,
      !whole.test(source) || BigInt.asIntN(64, BigInt(source)) !== BigInt(source),
    );
    if (!isKept(source)) numbers.changed ??= { line, source };
  }

  #number(path: string, isFraction: boolean): Numbers {
    const numbers = this.#numbers.get(path) ?? { hasFraction: this.#isFraction(path), changed: undefined };
    numbers.hasFraction ||= isFraction;
    this.#numbers.set(path, numbers);
    return numbers;
  }
}

function under(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
