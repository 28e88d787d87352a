import type { Timeline } from "../kit/timeline.ts";
import type { PublishedMessage } from "./messages.ts";
import type { Delivery, Subscription } from "./subscription.ts";

export interface Pulled {
  readonly ackId: string;
  readonly message: PublishedMessage;
  readonly attempt: number;
}

interface Lease {
  readonly delivery: Delivery;
  readonly stop: () => void;
}

const longestWaitMs = 1_000;

/** The messages of a subscription that have been pulled, until they are acknowledged or their deadline passes. */
export class Puller {
  readonly #subscription: Subscription;
  readonly #timeline: Timeline;
  readonly #leases = new Map<string, Lease>();
  readonly #arrivals = new Set<() => void>();
  #pulls = 0;

  constructor(subscription: Subscription, timeline: Timeline) {
    this.#subscription = subscription;
    this.#timeline = timeline;
  }

  /** At least one message if there is one, or comes soon. */
  async pull(most: number, returnImmediately: boolean): Promise<readonly Pulled[]> {
    if (this.#subscription.queued === 0 && !returnImmediately) await this.#arrival();
    const pulled: Pulled[] = [];
    while (pulled.length < most) {
      const delivery = this.#subscription.take();
      if (!delivery) break;
      const ackId = `${delivery.message.messageId}:${this.#pulls++}`;
      this.#lease(ackId, delivery, this.#subscription.settings.ackDeadlineSeconds);
      pulled.push({ ackId, message: delivery.message, attempt: delivery.attempt });
    }
    return pulled;
  }

  /** An id whose deadline has passed is not an error: its message comes again. */
  acknowledge(ackIds: readonly string[]): void {
    for (const ackId of ackIds) {
      const delivery = this.#end(ackId);
      if (delivery) this.#subscription.acknowledge(delivery);
    }
  }

  /** Counts from now; 0 returns the message to the queue. */
  setDeadline(ackIds: readonly string[], seconds: number): void {
    for (const ackId of ackIds) {
      const delivery = this.#end(ackId);
      if (delivery && seconds === 0) this.#subscription.reject(delivery);
      else if (delivery) this.#lease(ackId, delivery, seconds);
    }
  }

  wake(): void {
    for (const arrived of this.#arrivals) arrived();
  }

  #lease(ackId: string, delivery: Delivery, seconds: number): void {
    const stop = this.#timeline.after(seconds * 1_000, () => {
      this.#leases.delete(ackId);
      this.#subscription.reject(delivery);
    });
    this.#leases.set(ackId, { delivery, stop });
  }

  #end(ackId: string): Delivery | undefined {
    const lease = this.#leases.get(ackId);
    lease?.stop();
    this.#leases.delete(ackId);
    return lease?.delivery;
  }

  #arrival(): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        stop();
        this.#arrivals.delete(end);
        resolve();
      };
      const stop = this.#timeline.after(longestWaitMs, end);
      this.#arrivals.add(end);
    });
  }
}
