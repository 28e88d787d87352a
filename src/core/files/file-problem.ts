import { limits } from "../limits.ts";

/** A mistake in a file. The message says where it is and what to do; the caller adds the name of the file. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";

  /** `line`: 1 for the first. Undefined if the problem concerns the whole file. */
  constructor(line: number | undefined, reason: string, column?: string) {
    super([formatPosition(line, column), reason].filter((text) => text !== "").join(": "));
  }
}

function formatPosition(line: number | undefined, column: string | undefined): string {
  const positions = [
    line === undefined ? "" : `line ${line}`,
    column === undefined ? "" : `column "${column}"`,
  ];
  return positions.filter((text) => text !== "").join(", ");
}

/** The message for a value that does not fit its column. `owner`: what defines the type, if it is not the file. */
export function invalidValueReason(value: string, type: string, owner?: string): string {
  const of = owner ?? 'as its other values say; if it is meant to be text, give the column the type "text"';
  const shown = JSON.stringify(value.slice(0, limits.shownValueCharacters));
  const article = /^[aeiou]/i.test(type) ? "an" : "a";
  return `${shown} is not ${article} ${type} (the type ${of})`;
}
