/** Why a text is not translated. */
export interface RefusalReason {
  /** The word of the text that can't be translated, as far as it is known. */
  readonly word: string;
  /** What is wrong with it, and what to write instead. */
  readonly reason: string;
  /** The text is wrong on every engine: it names what does not exist. */
  readonly isMistake: boolean;
}

/** Thrown while a text is translated, and caught by `translateGoogleSql`. */
export class Refusal extends Error implements RefusalReason {
  readonly word: string;
  readonly reason: string;
  readonly isMistake: boolean = false;

  constructor(word: string, reason: string) {
    super(`${word}: ${reason}`);
    this.word = word;
    this.reason = reason;
  }
}

/** The text names a table, column or parameter that does not exist: it fails in BigQuery too. */
export class UnknownName extends Refusal {
  override readonly isMistake = true;
}

/** The line and column of a word outside of strings and comments. Undefined if the text does not have it. */
export function placeOf(text: string, word: string): { line: number; column: number } | undefined {
  const plain = withoutStrings(text).toUpperCase();
  const name = word.toUpperCase().replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const at = new RegExp(`(?<![\\w@])${name}(?!\\w)`).exec(plain)?.index ?? -1;
  if (word === "" || at < 0) return undefined;
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

/** Strings and comments of GoogleSQL, and quoted names. */
const skipped = new RegExp(
  [
    /[rRbB]{0,2}(?:'{3}(?:\\[\s\S]|[\s\S])*?'{3}|"{3}(?:\\[\s\S]|[\s\S])*?"{3})/,
    /[rRbB]{0,2}(?:'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")/,
    /--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//,
  ]
    .map(({ source }) => source)
    .join("|"),
  "g",
);

/** The text with spaces instead of its strings and comments, so that every word keeps its place. */
export function withoutStrings(text: string): string {
  return text.replace(skipped, (found) => found.replace(/[^\n]/g, " "));
}
