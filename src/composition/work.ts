import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Message } from "../core/messages.ts";
import type { Engine } from "../engine/engine.ts";
import type { Deliveries } from "../entry/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LocalTaskRunner } from "../runtime/task-runner.ts";

interface Parts {
  readonly engine: Engine;
  readonly deliveries: Deliveries;
  readonly broker: SqliteBroker;
  readonly runner: LocalTaskRunner;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The part of a process that runs tasks: it takes messages, sweeps from time to time, and stops in good order. */
export class Work {
  readonly #parts: Parts;
  readonly #sweepSeconds: number;
  #running = false;
  #cancelSweep: () => void = () => undefined;

  constructor(parts: Parts, sweepSeconds: number) {
    this.#parts = parts;
    this.#sweepSeconds = sweepSeconds;
  }

  /** Begins to work on everything, or on one batch only. Sweeps at once: what a dead process left is taken up. */
  start(scope: { readonly batchId?: string } = {}): void {
    const { broker, deliveries } = this.#parts;
    this.#running = true;
    broker.start(async (delivery) => {
      await deliveries.deliver(delivery);
    }, scope);
    const message: Message =
      scope.batchId === undefined ? { kind: "sweep" } : { kind: "redrive", batchId: scope.batchId };
    void this.#sweep(message);
  }

  /** Takes nothing new, lets short tasks finish, gives the rest back, within `limits.shutdownSeconds`. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    this.#cancelSweep();
    const { broker, runner, deliveries, logger } = this.#parts;
    deliveries.stop();
    // A disk that is full must not keep the tasks from being given back.
    await broker.stop().catch((error: unknown) => {
      logger.error("what waited could not be written down; the sweep will find it", {
        error: messageOf(error),
      });
    });
    await runner.stop(limits.taskGraceSeconds * 1_000);
    await this.#settled();
  }

  async #sweep(message: Message): Promise<void> {
    const { deliveries, clock, logger } = this.#parts;
    try {
      await deliveries.deliver({ message, deliveryAttempt: 1 });
    } catch (error) {
      logger.error("the sweep failed", { error: messageOf(error) });
    }
    if (this.#running)
      this.#cancelSweep = clock.after(this.#sweepSeconds * 1_000, () => void this.#sweep(message));
  }

  /** Waits until the handlers under way have committed, for as long as the shutdown allows. */
  async #settled(): Promise<void> {
    const { broker, clock } = this.#parts;
    const deadline = clock.now() + (limits.shutdownSeconds - limits.taskGraceSeconds) * 1_000;
    while (broker.active > 0 && clock.now() < deadline)
      await new Promise<void>((resolve) => {
        clock.after(limits.brokerPollMs, resolve);
      });
  }
}
