/** One at a time, in the order of asking. */
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Runs the work when all earlier work has ended. Whoever is aborted while it waits leaves at once. */
  async take<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const mine = Promise.withResolvers<void>();
    this.#last = before.then(() => mine.promise);
    try {
      await untilAborted(before, signal);
      return await work();
    } finally {
      mine.resolve();
    }
  }
}

async function untilAborted(earlier: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (!signal) return earlier;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([earlier, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
