import { isJsonObject, type JsonValue } from "./json.ts";
import { truncate } from "./text.ts";

/** How many items of a list or fields of an object, and how many characters of a text, are kept. */
const sizes: readonly (readonly [items: number, characters: number])[] = [
  [500, 4_000],
  [200, 1_000],
  [100, 500],
  [50, 200],
  [20, 100],
  [10, 50],
  [3, 20],
  [1, 10],
];

/** A text of JSON whose length is bounded. */
export interface ShortJson {
  readonly text: string;
  readonly isShortened: boolean;
}

/**
 * The JSON text of the value. If it is too long, long lists, objects and texts in it are cut, and each says what it
 * leaves out. The text stays JSON.
 */
export function shortJson(value: JsonValue, mostCharacters: number): ShortJson {
  const whole = JSON.stringify(value);
  if (whole.length <= mostCharacters) return { text: whole, isShortened: false };
  for (const [items, characters] of sizes) {
    const text = JSON.stringify(shortened(value, items, characters));
    if (text.length <= mostCharacters) return { text, isShortened: true };
  }
  return { text: JSON.stringify(`${whole.length} characters of JSON`), isShortened: true };
}

function shortened(value: JsonValue, items: number, characters: number): JsonValue {
  if (typeof value === "string")
    return value.length > characters ? `${truncate(value, characters)} (${value.length} characters)` : value;
  if (Array.isArray(value)) {
    const kept = value.slice(0, items).map((item) => shortened(item, items, characters));
    return value.length > items ? [...kept, `and ${value.length - items} more`] : kept;
  }
  if (!isJsonObject(value)) return value;
  const fields = Object.entries(value);
  // An object with fields of its own kind, such as a batch, keeps them longer than a list.
  const most = Math.max(items, 30);
  const kept = fields
    .slice(0, most)
    .map(([name, item]) => [name, shortened(item, items, characters)] as const);
  if (fields.length > most) kept.push(["…", `and ${fields.length - most} more`]);
  return Object.fromEntries(kept);
}
