import { limits } from "../limits.ts";

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const opening = new Set([0x5b, 0x7b]);
const closing = new Set([0x5d, 0x7d]);

/**
 * The limit that a JSON text exceeds. Checks the text before it is parsed, because the parsed value can take sixty
 * times the memory of the text, and its validated copy as much again.
 */
export function findLimitViolation(text: Uint8Array): string | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] ?? 0;
    if (byte === quote) at = endOfString(text, at);
    else if (byte === comma) values++;
    else if (opening.has(byte)) {
      values++;
      depth++;
    } else if (closing.has(byte)) depth--;
    if (depth > limits.jsonDepth) return `It nests deeper than ${limits.jsonDepth} levels`;
    if (values > limits.jsonValues) return `It holds more than ${limits.jsonValues} values`;
  }
  return undefined;
}

function endOfString(text: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === backslash ? 2 : 1;
  return at;
}

type Expected = "value" | "key" | "colon" | "next";

interface Cursor {
  at: number;
  expected: Expected;
  /** Directly after an opening bracket, where the closing one may follow. */
  mayClose: boolean;
  readonly closers: string[];
}

/** Describes a syntax error with its position, which JSON.parse does not always give. */
export function describeSyntaxError(text: string): string {
  const position = findSyntaxError(text);
  if (position >= text.length) return `It ends too early, at position ${position}`;
  const found = JSON.stringify(String.fromCodePoint(text.codePointAt(position) ?? 0));
  const lines = text.slice(0, position).split("\n");
  const column = (lines.at(-1)?.length ?? 0) + 1;
  return `Unexpected ${found} at position ${position} (line ${lines.length}, column ${column})`;
}

/** The position of the first syntax error, in characters. It is the length of a text that ends too early. */
export function findSyntaxError(text: string): number {
  const cursor: Cursor = { at: 0, expected: "value", mayClose: false, closers: [] };
  do {
    while (" \t\n\r".includes(text[cursor.at] ?? "end")) cursor.at++;
  } while (steps[cursor.expected](text, cursor));
  return cursor.at;
}

const steps: Readonly<Record<Expected, (text: string, cursor: Cursor) => boolean>> = {
  value: (text, cursor) => {
    const character = text[cursor.at];
    if (character === "[") return open(cursor, "]", "value");
    if (character === "{") return open(cursor, "}", "key");
    if (cursor.mayClose && close(text, cursor)) return true;
    cursor.expected = "next";
    return character === '"' ? takeString(text, cursor) : takeWord(text, cursor);
  },
  key: (text, cursor) => {
    if (cursor.mayClose && close(text, cursor)) return true;
    cursor.expected = "colon";
    return text[cursor.at] === '"' && takeString(text, cursor);
  },
  colon: (text, cursor) => {
    cursor.expected = "value";
    cursor.mayClose = false;
    return take(":", text, cursor);
  },
  next: (text, cursor) => {
    if (close(text, cursor)) return true;
    cursor.expected = cursor.closers.at(-1) === "}" ? "key" : "value";
    cursor.mayClose = false;
    return cursor.closers.length > 0 && take(",", text, cursor);
  },
};

function open(cursor: Cursor, closer: string, expected: Expected): boolean {
  cursor.closers.push(closer);
  cursor.expected = expected;
  cursor.mayClose = true;
  cursor.at++;
  return true;
}

function close(text: string, cursor: Cursor): boolean {
  const closer = cursor.closers.at(-1);
  if (closer === undefined || !take(closer, text, cursor)) return false;
  cursor.closers.pop();
  cursor.expected = "next";
  return true;
}

function take(word: string, text: string, cursor: Cursor): boolean {
  if (!text.startsWith(word, cursor.at)) return false;
  cursor.at += word.length;
  return true;
}

const escapeSequence = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

function takeString(text: string, cursor: Cursor): boolean {
  cursor.at++;
  while (cursor.at < text.length) {
    const character = text[cursor.at] ?? "";
    if (character === '"') return take('"', text, cursor);
    if (character === "\\") {
      if (!takeMatch(escapeSequence, text, cursor)) return false;
    } else if (character < " ") return false;
    else cursor.at++;
  }
  return false;
}

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function takeWord(text: string, cursor: Cursor): boolean {
  if (takeMatch(number, text, cursor)) return true;
  return ["true", "false", "null"].some((word) => take(word, text, cursor));
}

function takeMatch(pattern: RegExp, text: string, cursor: Cursor): boolean {
  pattern.lastIndex = cursor.at;
  if (!pattern.test(text)) return false;
  cursor.at = pattern.lastIndex;
  return true;
}
