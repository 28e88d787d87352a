import { type Fault, type Faults, faultsOf, type Site } from "../world/faults.ts";
import type { Random } from "../world/random.ts";

export interface ChaosFaultOptions {
  /** Share of the calls of Baton that fail. Calls of task code fail more often. */
  readonly rate: number;
  readonly most: number;
  /** Only these faults, by their number from 0. Default: all. */
  readonly only?: ReadonlySet<number> | undefined;
}

/** Delays some messages, so that tasks run in another order. Nothing fails. */
export class Delays implements Faults {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  at(site: Site): Fault | undefined {
    return site === "delivery" && this.#random.chance(delayRate) ? "delayed" : undefined;
  }
}

const delayRate = 0.3;

/** Task code makes few calls, and each of them is a place where a crash hurts. */
const serviceWeight = 6;
const highestRate = 0.6;

/** The faults of a schedule: most of them where the code of tasks calls services. */
export class ChaosFaults implements Faults {
  /** How many there were, those left out included. */
  count = 0;
  /** Called for the faults of messages, which no process notes. */
  readonly #onDelivery: (fault: Fault) => void;
  readonly #random: Random;
  readonly #options: ChaosFaultOptions;

  constructor(random: Random, options: ChaosFaultOptions, onDelivery: (fault: Fault) => void) {
    this.#onDelivery = onDelivery;
    this.#random = random;
    this.#options = options;
  }

  at(site: Site): Fault | undefined {
    const { rate, most, only } = this.#options;
    const siteRate = site === "service" ? Math.min(rate * serviceWeight, highestRate) : rate;
    if (this.count >= most || !this.#random.chance(siteRate)) return undefined;
    const fault = this.#random.pick(faultsOf.hostile[site]);
    const number = this.count++;
    if (only && !only.has(number)) return undefined;
    if (site === "delivery") this.#onDelivery(fault);
    return fault;
  }
}
