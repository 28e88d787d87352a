import type { Join } from "../core/graph.ts";
import { type Counts, type Ending, type Tally, tallyToRead } from "../core/joins.ts";
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

  /** Counts as much as has to be known after the ending to decide about the children of the join. */
  async count(batchId: string, join: Join, taskId: string, ending: Ending): Promise<Counts> {
    let counts: Counts = {};
    for (let tally = tallyToRead(join, ending, counts); tally; tally = tallyToRead(join, ending, counts))
      counts = { ...counts, [tally]: await this.#countTally(batchId, join, tally, taskId) };
    return counts;
  }

  async #countTally(batchId: string, join: Join, tally: Tally, taskId: string): Promise<number> {
    if (!join.shards) return await this.#countToken(joinToken(batchId, join.id, tally));
    const { sizes, of } = join.shards;
    const countShard = (shard: number) => this.#countToken(joinToken(batchId, join.id, tally, shard));
    const own = of.get(taskId) ?? 0;
    const counted = await countShard(own);
    // Not all have ended while some of its own shard have not: how many of the others makes no difference then.
    if (tally === "ended" && counted < (sizes[own] ?? 0)) return counted;
    const others = [...sizes.keys()].filter((shard) => shard !== own);
    const counts = await Promise.all(others.map(countShard));
    return counts.reduce((sum, count) => sum + count, counted);
  }

  #countToken(token: string): Promise<number> {
    const shared = this.#unstarted.get(token);
    if (shared) return shared;
    const count = Promise.resolve().then(() => {
      // mutation: count-starts-after-the-commit
      this.#unstarted.delete(token);
      return this.#store.count("taskLogs", { field: "arrivals", equals: token });
    });
    this.#unstarted.set(token, count);
    return count;
  }
}
