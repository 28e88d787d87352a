import { limits } from "../limits.ts";
import { FileProblem } from "./file-problem.ts";

/** One value of a JSON file: a line, or an item of its array. */
export interface JsonItem {
  /** The line on which it begins, 1 for the first. */
  readonly line: number;
  readonly text: string;
}

/**
 * The values of a JSON file: the items of its array if it begins with one, and otherwise its lines that are not blank.
 * Throws a `FileProblem` for a value that is too long, and for an array that is broken between its items.
 */
export async function* splitJson(texts: AsyncIterable<string>): AsyncGenerator<JsonItem> {
  let array: ArrayItems | undefined;
  let lines: Lines | undefined;
  let head = "";
  for await (const text of texts) {
    head += text;
    if (!array && !lines) {
      const first = /[^\s]/.exec(head)?.[0];
      if (first === undefined) continue;
      if (first === "[") array = new ArrayItems();
      else lines = new Lines();
    }
    yield* (array ?? lines)?.push(head) ?? [];
    head = "";
  }
  yield* (array ?? lines)?.end() ?? [];
}

/** The values of a checked JSON file as JSON lines. Line breaks inside of them are white space, as JSON has it. */
export async function* toJsonLines(items: AsyncIterable<JsonItem>): AsyncGenerator<string> {
  for await (const { text } of items) yield `${text.trim().replace(/[\r\n]+/g, " ")}\n`;
}

class Lines {
  #pieces: string[] = [];
  #length = 0;
  #line = 1;

  *push(text: string): Generator<JsonItem> {
    const [first = "", ...others] = text.split("\n");
    this.#pieces.push(first);
    this.#length += first.length;
    for (const next of others) {
      yield* this.end();
      this.#line += 1;
      this.#pieces = [next];
      this.#length = next.length;
    }
    assertLength(this.#length, this.#line, "line");
  }

  *end(): Generator<JsonItem> {
    const text = this.#pieces.join("");
    assertLength(text.length, this.#line, "line");
    if (text.trim() !== "") yield { line: this.#line, text };
  }
}

function assertLength(length: number, line: number, what: string): void {
  if (length <= limits.fileRowBytes) return;
  throw new FileProblem(
    line,
    `the ${what} is longer than the maximum size of ${limits.fileRowBytes / 1024 ** 2} MiB; every ` +
      "line has to be one JSON object",
  );
}

const outsideText = /["[\]{},\n]/g;
const insideText = /["\\\n]/g;

/** Finds the items of an array by brackets and quotes; whether each is valid JSON is found when it is parsed. */
class ArrayItems {
  #line = 1;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;
  #hasEnded = false;
  /** Whether the array may end here: not after a comma. */
  #mayEnd = true;
  /** The line on which the text of the item begins, which may be white space. */
  #itemLine = 1;
  #item = "";

  *push(text: string): Generator<JsonItem> {
    let at = this.#isEscaped ? 1 : 0;
    let from = 0;
    this.#isEscaped = false;
    while (at < text.length && !this.#hasEnded) {
      const sign = find(text, at, this.#isInText);
      if (!sign) break;
      at = sign.index + 1;
      const step = this.#step(sign.text);
      if (step === "escape") at += 1;
      if (step === "item" || step === "end")
        yield* this.#take(this.#item + text.slice(from, sign.index), step === "item");
      if (step === "begin" || step === "item" || step === "end") from = at;
    }
    this.#isEscaped = at > text.length;
    if (!this.#hasEnded) this.#item += text.slice(from);
    else this.#assertEnded(text.slice(from));
    assertLength(this.#item.length, this.#itemLine, "item");
  }

  end(): readonly JsonItem[] {
    if (this.#hasEnded) return [];
    throw new FileProblem(this.#line, "the array does not end; send the file again");
  }

  #assertEnded(rest: string): void {
    const blank = rest.length - rest.trimStart().length;
    this.#line += rest.slice(0, blank).split("\n").length - 1;
    if (blank < rest.length)
      throw new FileProblem(this.#line, "there is text after the end of the array; remove it");
  }

  /** What a sign of JSON means here. */
  #step(sign: string): "begin" | "item" | "end" | "escape" | undefined {
    if (sign === "\n") this.#line += 1;
    else if (sign === "\\") return "escape";
    else if (sign === '"') this.#isInText = !this.#isInText;
    else if (sign === ",") return this.#depth === 1 ? "item" : undefined;
    else if (sign === "[" || sign === "{") {
      this.#depth += 1;
      return this.#depth === 1 ? "begin" : undefined;
    } else return this.#close(sign);
    return undefined;
  }

  #close(sign: string): "end" | undefined {
    this.#depth -= 1;
    if (this.#depth > 0) return undefined;
    if (sign !== "]") throw new FileProblem(this.#line, `the array ends with "${sign}"; send the file again`);
    this.#hasEnded = true;
    return "end";
  }

  /** Yields an item. `isFollowed`: by a comma. */
  *#take(item: string, isFollowed: boolean): Generator<JsonItem> {
    const text = item.trim();
    const blank = item.slice(0, item.indexOf(text));
    const line = this.#itemLine + blank.split("\n").length - 1;
    assertLength(text.length, line, "item");
    this.#item = "";
    this.#itemLine = this.#line;
    if (text !== "") yield { line, text };
    else if (isFollowed || !this.#mayEnd)
      throw new FileProblem(this.#line, "there is a comma too many in the array; remove it");
    this.#mayEnd = !isFollowed;
  }
}

function find(
  text: string,
  from: number,
  isInText: boolean,
): { readonly index: number; readonly text: string } | undefined {
  const expression = isInText ? insideText : outsideText;
  expression.lastIndex = from;
  const match = expression.exec(text);
  return match ? { index: match.index, text: match[0] } : undefined;
}
