import type { QueueRate } from "../../core/queues.ts";
import type { Clock } from "../../ports/clock.ts";

/**
 * Holds one token for every message that may be handed out now: at most a second's worth, at least one, and full at
 * first. It counts whole units, `messages` a millisecond and `#cost` a token, so that no rounding adds up.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #unitsPerMs: number;
  readonly #cost: number;
  readonly #mostUnits: number;
  #units: number;
  #filledAt: number;

  constructor({ messages, perSeconds }: QueueRate, clock: Clock) {
    this.#clock = clock;
    this.#unitsPerMs = messages;
    this.#cost = perSeconds * 1_000;
    this.#mostUnits = this.#cost * Math.max(1, Math.floor(messages / perSeconds));
    this.#units = this.#mostUnits;
    this.#filledAt = Math.floor(clock.monotonicMs());
  }

  get tokens(): number {
    this.#fill();
    return Math.floor(this.#units / this.#cost);
  }

  /** Only when there is one. */
  take(): void {
    this.#units -= this.#cost;
  }

  /** How long until there is a token; 0 when there is one. */
  get waitMs(): number {
    this.#fill();
    return Math.max(0, Math.ceil((this.#cost - this.#units) / this.#unitsPerMs));
  }

  /** By the monotonic clock, which never jumps. */
  #fill(): void {
    const now = Math.floor(this.#clock.monotonicMs());
    const elapsedMs = now - this.#filledAt;
    this.#units = Math.min(this.#mostUnits, this.#units + elapsedMs * this.#unitsPerMs);
    this.#filledAt = now;
  }
}
