import { limits } from "../../core/limits.ts";
import { CONTROL_QUEUE } from "../../core/messages.ts";
import type { QueueSettings } from "../../core/queues.ts";
import type { Clock } from "../../ports/clock.ts";
import { Lane } from "./lane.ts";

export interface LaneOptions {
  /** Messages of one queue that are handled at the same time, where `queues` does not say otherwise. */
  readonly concurrency: number;
  readonly queues?: ReadonlyMap<string, QueueSettings>;
}

/** The lanes of one process. Each is made when its queue is first heard of; none is full because of another. */
export class Lanes {
  readonly #options: LaneOptions;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: LaneOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  of(queue: string): Lane {
    const found = this.#lanes.get(queue);
    if (found) return found;
    const lane = new Lane(this.#settingsOf(queue), this.#clock);
    this.#lanes.set(queue, lane);
    return lane;
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  /** Messages being handled now. */
  get active(): number {
    let active = 0;
    for (const lane of this.#lanes.values()) active += lane.active;
    return active;
  }

  #settingsOf(queue: string): QueueSettings {
    if (queue === CONTROL_QUEUE) return { concurrency: limits.controlConcurrency };
    return this.#options.queues?.get(queue) ?? { concurrency: this.#options.concurrency };
  }
}
