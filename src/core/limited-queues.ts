import { limits } from "./limits.ts";
import type { QueueSettings } from "./queues.ts";

/** How many tasks of a queue Cloud Tasks begins in a second; without a rate, as many as it can. */
export function dispatchesPerSecond({ rate }: QueueSettings): number {
  return rate ? rate.messages / rate.perSeconds : limits.dispatchesPerSecond;
}

/** Why Cloud Tasks can't have a queue of this name and settings; undefined: it can. */
export function limitProblem(queue: string, settings: QueueSettings): string | undefined {
  if (settings.concurrency > limits.dispatchesAtOnce)
    return `Cloud Tasks runs ${limits.dispatchesAtOnce} tasks of a queue at once, at most`;
  if (dispatchesPerSecond(settings) > limits.dispatchesPerSecond)
    return `Cloud Tasks begins ${limits.dispatchesPerSecond} tasks of a queue in a second, at most`;
  if (queue.includes("_")) return "Cloud Tasks allows no _ in the name of a queue; write -";
  return undefined;
}
