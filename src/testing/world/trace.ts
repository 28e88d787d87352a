/** What happened: always as a number that two runs can be compared by, and as lines for people when they are wanted. */
export class Trace {
  readonly lines: string[] = [];
  /** Of everything noted so far, in its order (FNV-1a). */
  digest = 0x811c9dc5;
  readonly #isKept: boolean;

  constructor(isKept: boolean) {
    this.#isKept = isKept;
  }

  add(elapsedMs: number, what: string, detail: (() => string) | undefined): void {
    this.#mix(elapsedMs);
    for (let at = 0; at < what.length; at++) this.#mix(what.charCodeAt(at));
    if (this.#isKept) this.lines.push(`${time(elapsedMs)}  ${what}${detail ? `  ${detail()}` : ""}`);
  }

  #mix(value: number): void {
    this.digest = Math.imul(this.digest ^ (value | 0), 0x01000193) >>> 0;
  }
}

function time(elapsedMs: number): string {
  return `${(elapsedMs / 1_000).toFixed(3).padStart(10)} s`;
}
