import { type JsonValue, pathStep } from "./json.ts";

/** A key that its object already has. JSON.parse would keep the last of its values and say nothing. */
export interface RepeatedKey {
  readonly key: string;
  /** The path of the key, such as `.orders[0].id`. */
  readonly path: string;
  /** Where its member begins in the text, with the comma before it. */
  readonly start: number;
  /** Where its member ends. */
  readonly end: number;
}

/**
 * The repeated keys of a JSON text, of which `value` was parsed. Nearly all texts have none, which counting the keys of
 * both shows.
 */
export function findRepeatedKeys(text: string, value: JsonValue): readonly RepeatedKey[] {
  return countKeysOfText(text) === countKeysOfValue(value) ? [] : locateRepeatedKeys(text);
}

/** A string with a colon after it is a key. */
function countKeysOfText(text: string): number {
  let count = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at)) {
    at = endOfString(text, at);
    if (isKeyEnd(text, at)) count++;
  }
  return count;
}

/** Without recursion, because nothing limits the depth here. */
function countKeysOfValue(value: JsonValue): number {
  let count = 0;
  const open: unknown[] = [value];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (typeof item !== "object" || item === null) continue;
    const isList = Array.isArray(item);
    const items: readonly unknown[] = Object.values(item);
    if (!isList) count += items.length;
    for (const each of items) if (typeof each === "object" && each !== null) open.push(each);
  }
  return count;
}

/** The position after the closing quote. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote >= 0 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote < 0 ? text.length : quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text[first - 1] === "\\") first--;
  return (at - first) % 2 === 1;
}

function isKeyEnd(text: string, end: number): boolean {
  let at = end;
  while (" \t\n\r".includes(text[at] ?? "end")) at++;
  return text[at] === ":";
}

/** The text without the members of the repeated keys, so that each first one counts. */
export function withoutMembers(text: string, repeated: readonly RepeatedKey[]): string {
  let kept = "";
  let at = 0;
  for (const { start, end } of [...repeated].sort((one, other) => one.start - other.start)) {
    if (start < at) continue;
    kept += text.slice(at, start);
    at = end;
  }
  return kept + text.slice(at);
}

/** An open object or list, and the key or index that is being read. */
interface Level {
  readonly keys: Set<string> | undefined;
  step: string | number;
  comma: number;
  /** The member that is being read, if its key is repeated. */
  repeated: Omit<RepeatedKey, "end"> | undefined;
}

const structural = /["{}[\],]/g;

/** Reads the structure of a JSON text. */
class KeyReader {
  readonly found: RepeatedKey[] = [];
  readonly #levels: Level[] = [];

  open(isObject: boolean): void {
    const keys = isObject ? new Set<string>() : undefined;
    this.#levels.push({ keys, step: isObject ? "" : 0, comma: 0, repeated: undefined });
  }

  comma(at: number): void {
    const level = this.#endItem(at);
    if (!level) return;
    if (typeof level.step === "number") level.step++;
    level.comma = at;
  }

  close(at: number): void {
    this.#endItem(at);
    this.#levels.pop();
  }

  key(key: string): void {
    const level = this.#levels.at(-1);
    if (!level?.keys) return;
    level.step = key;
    if (!level.keys.has(key)) level.keys.add(key);
    else {
      const path = this.#levels.map(({ step }) => pathStep(step)).join("");
      level.repeated = { key, path, start: level.comma };
    }
  }

  #endItem(at: number): Level | undefined {
    const level = this.#levels.at(-1);
    if (!level?.repeated) return level;
    this.found.push({ ...level.repeated, end: at });
    level.repeated = undefined;
    return level;
  }
}

function locateRepeatedKeys(text: string): readonly RepeatedKey[] {
  const reader = new KeyReader();
  structural.lastIndex = 0;
  for (let match = structural.exec(text); match !== null; match = structural.exec(text)) {
    const [character] = match;
    if (character === "{" || character === "[") reader.open(character === "{");
    else if (character === ",") reader.comma(match.index);
    else if (character !== '"') reader.close(match.index);
    else {
      const end = endOfString(text, match.index);
      if (isKeyEnd(text, end)) reader.key(JSON.parse(text.slice(match.index, end)));
      structural.lastIndex = end;
    }
  }
  return reader.found;
}
