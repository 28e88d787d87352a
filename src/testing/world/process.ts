import { atOnce, ConflictError, type MaybePromise, StoreTimeoutError } from "../../ports/store.ts";
import type { Place } from "./event-queue.ts";
import type { Fault, Faults, Site } from "./faults.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

export interface ProcessSettings {
  readonly name: string;
  /** How far its clock is from the world's. */
  readonly skewMs: number;
  /** Longer than any lease: how long it hangs, and how long slow calls take. */
  readonly standstillMs: number;
  /** Draws whether the store has the next answer at once, as one in the same process has. */
  readonly answersAtOnce: () => boolean;
}

/** How long a client waits for an answer before it reports an error. */
const clientTimeoutMs = 4_000;

/** A process on some machine: it calls services over a network that fails, hangs, and dies; then its memory is gone. */
export class Process implements Place {
  isAlive = true;
  hungUntil = 0;
  /** Faults so far that may well cost a process its lease. */
  hindrances = 0;
  readonly name: string;
  readonly #world: World;
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #settings: ProcessSettings;
  readonly #onDeath: () => void;

  constructor(
    world: World,
    faults: Faults,
    random: Random,
    settings: ProcessSettings,
    onDeath: () => void = () => undefined,
  ) {
    this.name = settings.name;
    this.#world = world;
    this.#faults = faults;
    this.#random = random;
    this.#settings = settings;
    this.#onDeath = onDeath;
  }

  /** What its own clock says. */
  now(): number {
    return this.#world.now + this.#settings.skewMs;
  }

  /** What no clock's setting changes. */
  monotonicMs(): number {
    return this.#world.now;
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#world.after(delayMs, callback, this);
  }

  crash(): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.#world.note(`${this.name} dies`);
    this.#onDeath();
  }

  hang(): void {
    this.hungUntil = this.#world.now + this.#settings.standstillMs;
    this.#world.note(`${this.name} hangs`);
  }

  /** Calls a service. `apply` runs there, at one moment. It gets the faults that it has to act out itself. */
  call<Value>(
    site: Site,
    describe: () => string,
    apply: (fault: Fault | undefined) => Value,
  ): Promise<Value> {
    if (!this.isAlive) return never();
    return this.#callWith(this.#faults.at(site), site, describe, apply);
  }

  #callWith<Value>(
    fault: Fault | undefined,
    site: Site,
    describe: () => string,
    apply: (fault: Fault | undefined) => Value,
  ): Promise<Value> {
    if (isHindrance(fault)) this.hindrances += 1;
    this.#world.note(`${this.name} ${site}${fault ? ` ${fault}` : ""}`, describe);
    if (fault === "crash_before") {
      this.crash();
      return never();
    }
    if (fault === "hang") this.hang();
    return new Promise((resolve, reject) => this.#travel(fault, apply, resolve, reject));
  }

  /** Calls the store, which may be in the same process. A call that goes wrong is one over a network. */
  callStore<Value>(
    site: "read" | "write",
    describe: () => string,
    apply: (fault: Fault | undefined) => Value,
  ): MaybePromise<Value> {
    if (!this.isAlive || !this.#settings.answersAtOnce()) return this.call(site, describe, apply);
    const fault = this.#faults.at(site);
    if (fault) return this.#callWith(fault, site, describe, apply);
    this.#world.note(`${this.name} ${site} at once`, describe);
    return atOnce(() => apply(undefined));
  }

  /** Waits for what the store has applied. */
  sync(): MaybePromise<void> {
    return this.#settings.answersAtOnce() ? undefined : Promise.resolve();
  }

  /** Time that a task takes. */
  async spend(delayMs: number): Promise<void> {
    await this.call(
      "code",
      () => `${delayMs} ms`,
      () => undefined,
    );
    await new Promise<void>((resolve) => void this.after(delayMs, resolve));
  }

  #travel<Value>(
    fault: Fault | undefined,
    apply: (fault: Fault | undefined) => Value,
    resolve: (value: Value) => void,
    reject: (error: unknown) => void,
  ): void {
    const answer = (delayMs: number, settle: () => void) => void this.#world.after(delayMs, settle, this);
    const fail = () => reject(new Error(`UNAVAILABLE: simulated (${fault})`));
    const slowMs = fault === "slow" ? this.#settings.standstillMs : 0;
    const [slowThereMs, slowBackMs] = this.#random.chance(0.5) ? [slowMs, 0] : [0, slowMs];
    const late = Promise.withResolvers<Value>();
    late.promise.catch(() => undefined);
    const giveUp = () => reject(new StoreTimeoutError("simulated (late)", late.promise, {}));
    if (fault === "late") answer(clientTimeoutMs, giveUp);
    if (fault === "refused") {
      answer(this.#hopMs(), fail);
      return;
    }
    const lateMs = clientTimeoutMs + this.#random.between(1, this.#random.pick([20, 400]));
    this.#world.after((fault === "late" ? lateMs : this.#hopMs()) + slowThereMs, () => {
      const [done, failed] = fault === "late" ? [late.resolve, late.reject] : [resolve, reject];
      const settle = settlementOf(() => apply(fault), done, failed);
      const backMs = this.#hopMs() + slowBackMs;
      if (fault === "crash_after") this.crash();
      else if (fault === "error" || fault === "partly") answer(backMs, fail);
      else if (fault === "lost_reply") answer(clientTimeoutMs, fail);
      else if (fault === "conflict")
        answer(backMs, () => reject(new ConflictError("simulated: its own retry")));
      else answer(backMs, settle);
    });
  }

  #hopMs(): number {
    return this.#random.between(1, 10);
  }
}

/** It takes time, or keeps a heartbeat from being written. An error that is answered at once does neither. */
export function isHindrance(fault: Fault | undefined): boolean {
  return fault !== undefined && fault !== "error" && fault !== "conflict";
}

/** Does it now; the answer is on its way until the settlement is called. */
function settlementOf<Value>(
  apply: () => Value,
  resolve: (value: Value) => void,
  reject: (error: unknown) => void,
): () => void {
  try {
    const value = apply();
    return () => resolve(value);
  } catch (error) {
    return () => reject(error);
  }
}

/** The process is gone: its calls get no answer. */
function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}
