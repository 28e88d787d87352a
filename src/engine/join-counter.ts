import type { Counts, Tally } from "../core/joins.ts";
import { joinToken } from "../core/settlement.ts";
import type { DocumentStore } from "../ports/store.ts";

/**
 * Counts the parents of a join. Callers that ask in the same turn share one count: it starts after all of their
 * commits, so it is as strong for each as a count of its own.
 */
export class JoinCounter {
  readonly #store: DocumentStore;
  readonly #unstarted = new Map<string, Promise<number>>();

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  async count(batchId: string, joinId: string, tallies: readonly Tally[]): Promise<Counts> {
    const counts = tallies.map(
      async (tally) => [tally, await this.#countToken(joinToken(batchId, joinId, tally))] as const,
    );
    return Object.fromEntries(await Promise.all(counts));
  }

  #countToken(token: string): Promise<number> {
    const shared = this.#unstarted.get(token);
    if (shared) return shared;
    const count = Promise.resolve().then(() => {
      this.#unstarted.delete(token);
      return this.#store.count("taskLogs", { field: "arrivals", equals: token });
    });
    this.#unstarted.set(token, count);
    return count;
  }
}
