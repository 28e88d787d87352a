import type { Timeline } from "../kit/timeline.ts";

/** Names that can't be used again for a while. */
export class Tombstones {
  readonly #timeline: Timeline;
  readonly #lastingMs: number;
  /** Until when, in the timeline's milliseconds. */
  readonly #untilMs = new Map<string, number>();

  constructor(timeline: Timeline, lastingMs: number) {
    this.#timeline = timeline;
    this.#lastingMs = lastingMs;
  }

  add(name: string): void {
    this.#untilMs.set(name, this.#timeline.elapsedMs() + this.#lastingMs);
  }

  has(name: string): boolean {
    const untilMs = this.#untilMs.get(name);
    if (untilMs === undefined) return false;
    if (untilMs > this.#timeline.elapsedMs()) return true;
    this.#untilMs.delete(name);
    return false;
  }
}
