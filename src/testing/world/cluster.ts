import type { Faults } from "./faults.ts";
import type { Machine } from "./machine.ts";
import { Process } from "./process.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export interface ClusterOptions {
  /** How far the clock of each machine is wrong, in milliseconds; one entry for each machine. */
  readonly skewsMs: readonly number[];
  /** Longer than any lease. */
  readonly standstillMs: number;
  readonly answersAtOnce: () => boolean;
}

/** Installs Baton in a new process, in the given version of the workflows. */
export type CreateMachine = (process: Process, random: Random, version: 0 | 1) => Machine;

/** Machines that come and go: one that dies is started again after a while, and remembers nothing. */
export class Cluster {
  /** The version of the workflows that new processes have. */
  version: 0 | 1 = 0;
  readonly #machines = new Map<number, Machine>();
  readonly #world: World;
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #options: ClusterOptions;
  #create: CreateMachine | undefined;
  #starts = 0;

  constructor(world: World, faults: Faults, random: Random, options: ClusterOptions) {
    this.#world = world;
    this.#faults = faults;
    this.#random = random;
    this.#options = options;
  }

  /** Those that take messages. */
  get machines(): Machine[] {
    return [...this.#machines.values()].filter(({ isStopping }) => !isStopping);
  }

  start(create: CreateMachine): void {
    this.#create = create;
    for (const place of this.#options.skewsMs.keys()) this.#startMachine(place);
  }

  /** Replaces all machines, one after the other, by ones that have the next version. */
  deploy(): void {
    this.version = 1;
    this.#world.note("a new version is deployed");
    for (const [index, machine] of this.machines.entries())
      this.#world.after(index * 3_000, () => machine.shutDown());
  }

  #startMachine(place: number): void {
    if (!this.#create) throw new Error("The cluster has not been started");
    const { skewsMs, standstillMs, answersAtOnce } = this.#options;
    const name = `p${place + 1}.${++this.#starts}`;
    const settings = { name, skewMs: skewsMs[place] ?? 0, standstillMs, answersAtOnce };
    const process = new Process(this.#world, this.#faults, this.#random.fork(), settings, () => {
      this.#machines.delete(place);
      this.#world.after(this.#random.between(100, 8_000), () => this.#startMachine(place));
    });
    this.#world.note(`${name} starts`);
    this.#machines.set(place, this.#create(process, this.#random.fork(), this.version));
  }
}
