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

/** The faults of a schedule, numbered from 0. */
export interface NumberedFaults extends Faults {
  /** How many there were, those left out included. */
  readonly count: number;
}

/** Counts the calls of processes in a schedule without faults: each is a point at which a process can die. */
export class CountedPoints implements NumberedFaults {
  readonly count = 0;
  points = 0;

  at(site: Site): undefined {
    if (site !== "delivery") this.points += 1;
  }
}

const crashes = ["crash_before", "crash_after", "hang"] as const;

/** One crash, at the point of a number: consecutive numbers go through all points and all kinds of crashes. */
export class OneCrash implements NumberedFaults {
  count = 0;
  readonly #point: number;
  readonly #fault: Fault;
  readonly #isLeftOut: boolean;
  #passed = 0;

  constructor(number: number, points: number, only: ReadonlySet<number> | undefined) {
    this.#point = number % points;
    this.#fault = crashes[Math.floor(number / points) % crashes.length] ?? "hang";
    this.#isLeftOut = only !== undefined && !only.has(0);
  }

  at(site: Site): Fault | undefined {
    if (site === "delivery" || this.#passed++ !== this.#point) return undefined;
    this.count = 1;
    return this.#isLeftOut ? undefined : this.#fault;
  }
}

/** Task code makes few calls, and each of them is a place where a crash hurts. */
const serviceWeight = 6;
const highestRate = 0.6;

/** The faults of a schedule: most of them where the code of tasks calls services. */
export class ChaosFaults implements NumberedFaults {
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
