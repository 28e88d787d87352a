import { limits } from "../core/limits.ts";

/**
 * Does the work for all of them, at most `limits.workAtOnce` at a time. When it throws for one, nothing more is
 * begun, and nothing is under way any more once it throws here.
 */
export async function someAtATime<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = [...items].entries();
  let hasFailed = false;
  const worker = async () => {
    // The workers share the iterator: each takes what the others have left.
    for (const [index, item] of left) {
      if (hasFailed) return;
      try {
        results[index] = await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const workers = await Promise.allSettled(Array.from({ length: limits.workAtOnce }, worker));
  for (const outcome of workers) if (outcome.status === "rejected") throw outcome.reason;
  return results;
}
