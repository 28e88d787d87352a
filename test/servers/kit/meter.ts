/** Counts what Google would bill, by name: `document_reads`, `messages_published`, … */
export class Meter {
  readonly #counts = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.#counts.set(name, this.of(name) + amount);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** All counts, in the order of their names. */
  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  reset(): void {
    this.#counts.clear();
  }
}
