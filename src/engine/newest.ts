/** The newest of any number of rows, as many as were asked for; of the others, only the number is kept. */
export class Newest<Row> {
  readonly #limit: number;
  readonly #timeOf: (row: Row) => number | string;
  #kept: Row[] = [];
  #left = 0;

  /** `timeOf`: numbers, or ISO texts, of which the greater is newer. */
  constructor(limit: number, timeOf: (row: Row) => number | string) {
    this.#limit = limit;
    this.#timeOf = timeOf;
  }

  add(row: Row): void {
    this.#kept.push(row);
    // Sorted once for as many as are kept, not for each: that costs a comparison or two a row.
    if (this.#kept.length >= 2 * this.#limit) this.#cut();
  }

  /** Newest first. */
  get rows(): readonly Row[] {
    this.#cut();
    return this.#kept;
  }

  /** Older ones that were not asked for. */
  get more(): number {
    return this.#left + Math.max(0, this.#kept.length - this.#limit);
  }

  get total(): number {
    return this.#left + this.#kept.length;
  }

  #cut(): void {
    this.#kept.sort((one, other) => descending(this.#timeOf(one), this.#timeOf(other)));
    this.#left += Math.max(0, this.#kept.length - this.#limit);
    if (this.#kept.length > this.#limit) this.#kept.length = this.#limit;
  }
}

function descending(one: number | string, other: number | string): number {
  if (one === other) return 0;
  return one > other ? -1 : 1;
}

/** Rows of a list, as many as were asked for; of the others, only the number is kept. */
export class Listing<Row> {
  readonly rows: Row[] = [];
  readonly #limit: number;
  /** Further ones that were not asked for. */
  more = 0;
  /** Documents that this version can't read; they are passed over. */
  unreadable = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(row: Row): void {
    if (this.rows.length < this.#limit) this.rows.push(row);
    else this.more += 1;
  }
}
