import type { Random } from "./random.ts";

/** What can go wrong with one call, beside nothing. */
export type Fault =
  /** Not done, and answered with an error. */
  | "refused"
  /** Done, and answered with an error. */
  | "error"
  /** Done; the client's own retry then finds it done, and answers with a conflict. */
  | "conflict"
  /** Done; no answer comes, and the client gives up after its timeout. */
  | "lost_reply"
  /** Done after the client has given up. */
  | "late"
  /** Done, but past every lease. */
  | "slow"
  /** The process dies before it can call. */
  | "crash_before"
  /** Done; the process dies before it has the answer. */
  | "crash_after"
  /** The process stands still past every lease, with the call under way, and comes back. */
  | "hang"
  /** Some of it done, and answered with an error. */
  | "partly"
  /** Done twice, the second time later. */
  | "twice"
  /** Done long after its time. */
  | "delayed"
  /** Answered, but never done. */
  | "dropped"
  /** The broker does not hear that a message was handled. */
  | "lost_acknowledgement";

/** Where something can go wrong. */
export type Site =
  | "read"
  | "write"
  | "object"
  | "publish"
  | "schedule"
  | "callback"
  | "archive"
  /** A wait in the code of a task. */
  | "code"
  /** A call of a task's code to a service. */
  | "service"
  | "delivery";

const anywhere = ["crash_before", "crash_after", "hang"] as const;

/**
 * What can go wrong where, although the services keep what they promise and no message is delivered while it is being
 * handled.
 */
const gentle: Readonly<Record<Site, readonly Fault[]>> = {
  read: ["refused", "slow", ...anywhere],
  write: ["refused", "error", "conflict", "lost_reply", "late", "slow", ...anywhere],
  object: ["refused", "error", ...anywhere],
  publish: ["refused", "error", "partly", "delayed", ...anywhere],
  schedule: ["refused", "error", "delayed", ...anywhere],
  callback: ["refused", "error", "slow", ...anywhere],
  archive: ["refused", "error", ...anywhere],
  code: anywhere,
  service: ["lost_reply", "slow", ...anywhere],
  delivery: ["delayed", "lost_acknowledgement"],
};

/**
 * The same, and copies of messages handled side by side, and scheduled messages that are lost: only the sweeper finds
 * what they were for.
 */
const hostile: Readonly<Record<Site, readonly Fault[]>> = {
  ...gentle,
  publish: [...gentle.publish, "twice"],
  schedule: [...gentle.schedule, "twice", "dropped"],
  delivery: [...gentle.delivery, "twice"],
};

export const faultsOf = { gentle, hostile } as const;
export type Hostility = keyof typeof faultsOf;

/** Decides what goes wrong. */
export interface Faults {
  /** Undefined: nothing. */
  at(site: Site): Fault | undefined;
}

export interface FaultOptions {
  readonly hostility: Hostility;
  /** Share of the calls that go wrong. */
  readonly rate: number;
  readonly most: number;
  /** Only these of the faults that the seed would make, by their number from 0. */
  readonly only?: ReadonlySet<number> | undefined;
}

export class RandomFaults implements Faults {
  /** How many there were, those left out included. */
  count = 0;
  readonly #random: Random;
  readonly #options: FaultOptions;
  #isOver = false;

  constructor(random: Random, options: FaultOptions) {
    this.#random = random;
    this.#options = options;
  }

  at(site: Site): Fault | undefined {
    const { hostility, rate, most, only } = this.#options;
    if (this.#isOver || this.count >= most || !this.#random.chance(rate)) return undefined;
    const fault = this.#random.pick(
      this.#random.chance(0.3) ? rareOf(hostility, site) : faultsOf[hostility][site],
    );
    const number = this.count++;
    return !only || only.has(number) ? fault : undefined;
  }

  /** From now on nothing goes wrong any more. */
  end(): void {
    this.#isOver = true;
  }
}

/** Faults that only the hostile world has, where it has some: without them most damage is repaired before a sweep. */
function rareOf(hostility: Hostility, site: Site): readonly Fault[] {
  const rare = faultsOf[hostility][site].filter((fault) => !gentle[site].includes(fault));
  return rare.length > 0 ? rare : faultsOf[hostility][site];
}

/** Faults at numbered calls, and nowhere else. */
export class ScriptedFaults implements Faults {
  /** The sites that were passed, in their order. */
  readonly passed: Site[] = [];
  readonly #script: ReadonlyMap<number, Fault>;

  constructor(script: ReadonlyMap<number, Fault>) {
    this.#script = script;
  }

  at(site: Site): Fault | undefined {
    const fault = this.#script.get(this.passed.length);
    this.passed.push(site);
    return fault;
  }
}
