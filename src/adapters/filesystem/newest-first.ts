interface Job {
  readonly changedNs: bigint;
  readonly run: () => Promise<void>;
}

/** Work on files, a few at a time: of those that wait, the one that has changed last is the next. */
export class NewestFirst {
  readonly #concurrency: number;
  /** The newest is the last. */
  readonly #waiting: Job[] = [];
  readonly #workers = new Set<Promise<void>>();

  constructor(concurrency: number) {
    this.#concurrency = concurrency;
  }

  /** `run` does not reject. */
  add(changedNs: bigint, run: () => Promise<void>): void {
    this.#waiting.splice(this.#placeOf(changedNs), 0, { changedNs, run });
    if (this.#workers.size >= this.#concurrency) return;
    const worker = this.#work().finally(() => this.#workers.delete(worker));
    this.#workers.add(worker);
  }

  /** Begins nothing more. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#waiting.length = 0;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    // What is added in the same moment gets to be compared.
    await Promise.resolve();
    for (let job = this.#waiting.pop(); job; job = this.#waiting.pop()) await job.run();
  }

  #placeOf(changedNs: bigint): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#waiting[middle];
      if (there && there.changedNs <= changedNs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
