/** What is wrong with the content of a file, where it is, and what to do. The caller adds the name of the file. */
export class FileProblem extends Error {
  override readonly name = "FileProblem";

  /** `line`: 1 for the first; undefined when the problem has no place. */
  constructor(line: number | undefined, reason: string, column?: string) {
    super([placeOf(line, column), reason].filter((part) => part !== "").join(": "));
  }
}

/** Where a value is, for people. */
function placeOf(line: number | undefined, column: string | undefined): string {
  const parts = [line === undefined ? "" : `line ${line}`, column === undefined ? "" : `column "${column}"`];
  return parts.filter((part) => part !== "").join(", ");
}
