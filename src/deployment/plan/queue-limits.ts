import { type QueueSettings, rateText } from "../../core/queues.ts";

/** A queue of BATON_QUEUES. */
export interface QueueLimit {
  readonly queue: string;
  /** Tasks that run at the same time, in all instances together. */
  readonly concurrency: number;
  /** How fast they begin, such as `2/s`; null: as fast as Cloud Tasks can. */
  readonly rate: string | null;
}

/** By name. */
export function queueLimits(queues: ReadonlyMap<string, QueueSettings>): readonly QueueLimit[] {
  return [...queues.keys()].sort().flatMap((queue) => {
    const settings = queues.get(queue);
    return settings ? [{ queue, concurrency: settings.concurrency, rate: rateOf(settings) }] : [];
  });
}

function rateOf({ rate }: QueueSettings): string | null {
  return rate ? rateText(rate) : null;
}

/** The variable `queue_limits` of the infrastructure. */
export function queueLimitsVariable(limits: readonly QueueLimit[]) {
  return Object.fromEntries(limits.map(({ queue, ...limit }) => [queue, limit]));
}

/** What a limit does, in words. */
export function limitText({ queue, concurrency, rate }: QueueLimit): string {
  return `tasks of the queue ${queue}: ${concurrency} at once, ${rate === null ? "as fast as they come" : `${rate} at most, but for a burst after a pause`}`;
}
