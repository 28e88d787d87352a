import { limits } from "../core/limits.ts";
import type { Deliveries } from "../entry/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import type { LocalTaskRunner } from "../runtime/task-runner.ts";
import type { Worker } from "./worker.ts";

/** The work of a process that messages are pushed to: it begins with the first of them. */
export class PushedWork implements Worker {
  readonly #deliveries: Deliveries;
  readonly #runner: LocalTaskRunner;
  readonly #clock: Clock;
  readonly #load: () => Promise<void>;

  /** `load` fetches from the disk what nearly every message needs. */
  constructor(deliveries: Deliveries, runner: LocalTaskRunner, clock: Clock, load: () => Promise<void>) {
    this.#deliveries = deliveries;
    this.#runner = runner;
    this.#clock = clock;
    this.#load = load;
  }

  /** A fresh instance has a message waiting: what it needs is loaded while others are asked for keys, tokens and documents. */
  start(): void {
    // The message meets what goes wrong, and says so.
    this.#load().catch(() => undefined);
  }

  /** What is given back has to be written down too, before the connections are closed. */
  async stop(): Promise<void> {
    this.#deliveries.stop();
    await this.#runner.stop(limits.taskGraceSeconds * 1_000);
    const leftMs = (limits.shutdownSeconds - limits.taskGraceSeconds) * 1_000;
    const timeout = Promise.withResolvers<void>();
    const cancel = this.#clock.after(leftMs, timeout.resolve);
    await Promise.race([this.#deliveries.settled(), timeout.promise]);
    cancel();
  }
}
