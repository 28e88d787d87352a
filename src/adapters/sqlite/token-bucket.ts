import type { QueueRate } from "../../core/queues.ts";
import type { Clock } from "../../ports/machine.ts";

/**
 * Limits the rate of a queue. It starts full and holds at most the tokens of one second, but at least one token. It
 * counts whole units (`messages` per millisecond, `#unitsPerToken` per token), so that rounding errors do not add up.
 */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #unitsPerMs: number;
  readonly #unitsPerToken: number;
  readonly #maxUnits: number;
  #units: number;
  #filledAt: number;

  constructor({ messages, perSeconds }: QueueRate, clock: Clock) {
    this.#clock = clock;
    this.#unitsPerMs = messages;
    this.#unitsPerToken = perSeconds * 1_000;
    this.#maxUnits = this.#unitsPerToken * Math.max(1, Math.floor(messages / perSeconds));
    this.#units = this.#maxUnits;
    this.#filledAt = Math.floor(clock.monotonicMs());
  }

  get tokens(): number {
    this.#refill();
    return Math.floor(this.#units / this.#unitsPerToken);
  }

  /** Call it only when there is a token. */
  take(): void {
    this.#units -= this.#unitsPerToken;
  }

  /** Milliseconds until there is a token; 0 if there is one now. */
  get waitMs(): number {
    this.#refill();
    return Math.max(0, Math.ceil((this.#unitsPerToken - this.#units) / this.#unitsPerMs));
  }

  #refill(): void {
    const now = Math.floor(this.#clock.monotonicMs());
    const elapsedMs = now - this.#filledAt;
    this.#units = Math.min(this.#maxUnits, this.#units + elapsedMs * this.#unitsPerMs);
    this.#filledAt = now;
  }
}
