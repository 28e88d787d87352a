import type { Broker, OutgoingMessage, Timer } from "../ports/broker.ts";

interface Ways {
  /** The queues whose messages go the limited way. */
  readonly queues: ReadonlySet<string>;
  readonly limited: Broker & Timer;
  readonly others: { readonly broker: Broker; readonly timer: Timer };
}

/** Sends the messages of queues with limits of their own where those are kept, and all others their usual way. */
export class RoutedMessages implements Broker, Timer {
  readonly #ways: Ways;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const { queues, limited, others } = this.#ways;
    const of = Map.groupBy(messages, ({ queue }) => (queues.has(queue) ? limited : others.broker));
    await Promise.all([...of].map(([broker, outgoing]) => broker.publish(outgoing)));
  }

  schedule(message: OutgoingMessage, delayMs: number): Promise<void> {
    const { queues, limited, others } = this.#ways;
    return (queues.has(message.queue) ? limited : others.timer).schedule(message, delayMs);
  }
}
