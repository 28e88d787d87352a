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

/** Whether the code of a task runs now. A crash at another time can't hurt that code. */
type IsTaskTime = () => boolean;

/**
 * Counts the calls of processes while the code of tasks runs, in a schedule without faults: each is a point at which a
 * process can die.
 */
export class CountedPoints implements NumberedFaults {
  readonly count = 0;
  points = 0;
  readonly #isTaskTime: IsTaskTime;

  constructor(isTaskTime: IsTaskTime) {
    this.#isTaskTime = isTaskTime;
  }

  at(site: Site): undefined {
    if (isPoint(site) && this.#isTaskTime()) this.points += 1;
  }
}

/** A crash at a read is the same, for the code of tasks, as one before the next call that changes something. */
function isPoint(site: Site): boolean {
  return site !== "delivery" && site !== "read";
}

const crashes = ["crash_after", "hang", "crash_before"] as const;

/** One crash, at the point of a number: consecutive numbers go through all points and all kinds of crashes. */
export class OneCrash implements NumberedFaults {
  count = 0;
  readonly #point: number;
  readonly #fault: Fault;
  readonly #isLeftOut: boolean;
  readonly #isTaskTime: IsTaskTime;
  #passed = 0;

  constructor(number: number, points: number, only: ReadonlySet<number> | undefined, isTaskTime: IsTaskTime) {
    this.#isTaskTime = isTaskTime;
    this.#point = Math.floor(number / crashes.length) % points;
    this.#fault = crashes[number % crashes.length] ?? "hang";
    this.#isLeftOut = only !== undefined && !only.has(0);
  }

  at(site: Site): Fault | undefined {
    if (!isPoint(site) || !this.#isTaskTime() || this.#passed++ !== this.#point) return undefined;
    this.count = 1;
    return this.#isLeftOut ? undefined : this.#fault;
  }
}

/** Task code makes few calls, and each of them is a place where a crash hurts. */
const serviceWeight = 6;
const highestRate = 0.6;
/** Faults are rarer while no code of a task runs. */
const otherWeight = 0.2;

/** The faults of a schedule: most of them where the code of tasks calls services. */
export class ChaosFaults implements NumberedFaults {
  count = 0;
  /** Called for the faults of messages, which no process notes. */
  readonly #onDelivery: (fault: Fault) => void;
  readonly #random: Random;
  readonly #options: ChaosFaultOptions;
  readonly #isTaskTime: IsTaskTime;

  constructor(
    random: Random,
    options: ChaosFaultOptions,
    isTaskTime: IsTaskTime,
    onDelivery: (fault: Fault) => void,
  ) {
    this.#isTaskTime = isTaskTime;
    this.#onDelivery = onDelivery;
    this.#random = random;
    this.#options = options;
  }

  at(site: Site): Fault | undefined {
    const { rate, most, only } = this.#options;
    if (this.count >= most || !this.#random.chance(this.#rateOf(site, rate))) return undefined;
    const fault = this.#random.pick(faultsOf.hostile[site]);
    const number = this.count++;
    if (only && !only.has(number)) return undefined;
    if (site === "delivery") this.#onDelivery(fault);
    return fault;
  }

  #rateOf(site: Site, rate: number): number {
    if (site === "service") return Math.min(rate * serviceWeight, highestRate);
    return site === "delivery" || this.#isTaskTime() ? rate : rate * otherWeight;
  }
}
