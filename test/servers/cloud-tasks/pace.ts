import type { Timeline } from "../kit/timeline.ts";
import type { RateLimits } from "./settings.ts";

/** A bucket of tokens, one for each dispatch, that fills at the queue's rate. */
export class Pace {
  readonly #perMs: number;
  readonly #most: number;
  readonly #timeline: Timeline;
  #tokens: number;
  #filledAtMs: number;
  #isWaiting = false;

  constructor({ maxDispatchesPerSecond, maxBurstSize }: RateLimits, timeline: Timeline) {
    this.#perMs = maxDispatchesPerSecond / 1_000;
    this.#most = maxBurstSize;
    this.#timeline = timeline;
    this.#tokens = maxBurstSize;
    this.#filledAtMs = timeline.elapsedMs();
  }

  /** Takes a token; when there is none, false, and the callback is called when there is one again. */
  take(onToken: () => void): boolean {
    const nowMs = this.#timeline.elapsedMs();
    this.#tokens = Math.min(this.#most, this.#tokens + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#timeline.after((1 - this.#tokens) / this.#perMs, () => {
        this.#isWaiting = false;
        onToken();
      });
    }
    return false;
  }
}
