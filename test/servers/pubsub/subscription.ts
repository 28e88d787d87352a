import { Random } from "../../../src/testing/world/random.ts";
import type { Timeline } from "../kit/timeline.ts";
import { Backlog } from "./backlog.ts";
import { compileFilter } from "./filter.ts";
import type { PublishedMessage } from "./messages.ts";
import { millisecondsOf, type WireSubscription } from "./wire.ts";

export interface DeliveryOptions {
  /** Share of messages that are delivered once more although they were acknowledged. */
  readonly duplicateShare: number;
  /** Messages come in any order, and a tenth of them is held back for up to two seconds. */
  readonly reorder: boolean;
  /** Most pushes of a subscription at one time. */
  readonly maxOutstanding: number;
}

/** One message of one subscription on its way. */
export interface Delivery {
  readonly message: PublishedMessage;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** How long after its acknowledgement it comes once more; undefined: it does not. */
  readonly repeatedAfterMs: number | undefined;
}

/** What a subscription needs of the server that it is part of. */
export interface Surroundings {
  readonly timeline: Timeline;
  readonly seed: number;
  options(): DeliveryOptions;
  /** Sends an undeliverable message to another topic; false when there is no such topic. */
  forward(topic: string, delivery: Delivery, subscription: string): boolean;
  /** Called whenever there is less to do. */
  onProgress(): void;
}

const shareHeldBack = 0.1;
const longestHeldBackMs = 2_000;
const longestRepeatMs = 1_000;
/** Google pauses at least that long, whatever the policy says. */
const leastPauseMs = 100;

/** The messages of a subscription between publish and acknowledgement. Push and pull delivery share them. */
export class Subscription {
  settings: WireSubscription;
  /** Called when there may be something to take. */
  onReady: () => void = () => {};
  acknowledged = 0;
  rejected = 0;
  deadLettered = 0;
  readonly #around: Surroundings;
  readonly #backlog = new Backlog<Delivery>();
  /** Decides in the order of publishing, which does not depend on the machine's speed; the other does. */
  readonly #fate: Random;
  readonly #order: Random;
  #waiting = 0;
  #inFlight = 0;
  #isClosed = false;

  constructor(settings: WireSubscription, around: Surroundings) {
    this.settings = settings;
    this.#around = around;
    const random = new Random(around.seed);
    this.#fate = random.fork();
    this.#order = random.fork();
  }

  get queued(): number {
    return this.#backlog.size;
  }

  /** Held back, or pausing after a failed delivery. */
  get waiting(): number {
    return this.#waiting;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  offer(message: PublishedMessage): void {
    if (!compileFilter(this.settings.filter)(message.attributes)) return;
    const { duplicateShare, reorder } = this.#around.options();
    const isRepeated = this.#fate.chance(duplicateShare);
    const isHeldBack = reorder && this.#fate.chance(shareHeldBack);
    const repeatedAfterMs = isRepeated ? this.#fate.between(0, longestRepeatMs) : undefined;
    const delivery: Delivery = { message, attempt: 1, repeatedAfterMs };
    if (isHeldBack) this.#later(delivery, this.#fate.between(0, longestHeldBackMs));
    else this.#ready(delivery);
  }

  /** The next delivery; it has to end in one call of `acknowledge` or `reject`. */
  take(): Delivery | undefined {
    if (this.#isClosed) return undefined;
    const { reorder } = this.#around.options();
    const delivery = reorder ? this.#backlog.any(this.#order) : this.#backlog.first();
    if (delivery) this.#inFlight++;
    return delivery;
  }

  acknowledge(delivery: Delivery): void {
    this.#inFlight--;
    this.acknowledged++;
    const { message, attempt, repeatedAfterMs } = delivery;
    if (repeatedAfterMs !== undefined) {
      this.#later({ message, attempt, repeatedAfterMs: undefined }, repeatedAfterMs);
    }
    this.#around.onProgress();
  }

  reject(delivery: Delivery): void {
    this.#inFlight--;
    this.rejected++;
    const policy = this.settings.deadLetterPolicy;
    const isGivenUp = policy !== null && delivery.attempt >= policy.maxDeliveryAttempts;
    if (isGivenUp && this.#around.forward(policy.deadLetterTopic, delivery, this.settings.name)) {
      this.deadLettered++;
    } else {
      this.#later({ ...delivery, attempt: delivery.attempt + 1 }, this.#pauseMs(delivery.attempt));
    }
    this.#around.onProgress();
  }

  close(): void {
    this.#isClosed = true;
    this.#around.onProgress();
  }

  /** Grows from the policy's minimum to its maximum. Without a policy Google redelivers at once. */
  #pauseMs(failures: number): number {
    const policy = this.settings.retryPolicy;
    if (!policy?.minimumBackoff || !policy.maximumBackoff) return leastPauseMs;
    const minimumMs = Math.max(leastPauseMs, millisecondsOf(policy.minimumBackoff));
    return Math.min(millisecondsOf(policy.maximumBackoff), minimumMs * 2 ** (failures - 1));
  }

  #later(delivery: Delivery, delayMs: number): void {
    this.#waiting++;
    this.#around.timeline.after(delayMs, () => {
      this.#waiting--;
      this.#ready(delivery);
    });
  }

  #ready(delivery: Delivery): void {
    this.#backlog.push(delivery);
    this.onReady();
  }
}
