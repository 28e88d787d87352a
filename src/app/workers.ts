import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { debugStack, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { Message } from "../core/messages.ts";
import type { Engine } from "../engine/engine.ts";
import type { MessageIntake } from "../entry/deliveries.ts";
import type { Clock } from "../ports/machine.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { LocalTaskRunner } from "../runtime/task-runner.ts";

/** What bounds the embedded engine. */
export const embeddedLimits = {
  /** How long a write to the embedded store waits for another process. */
  lockTimeoutSeconds: 10,
  /** How long the embedded broker hides a message that it has delivered. */
  messageLeaseSeconds: 60,
  /** How often the embedded broker checks for messages of other processes. */
  brokerPollMs: 50,
} as const;

/** What a worker takes on. */
interface WorkScope {
  /** One batch only. */
  readonly batchId?: string;
  /** Whether schedules start batches. Default: yes, unless the scope is one batch. */
  readonly triggers?: boolean;
}

/** The part of a process that runs tasks. */
export interface Worker {
  /** Begins to take messages. Where messages are pushed there is nothing to poll. */
  start(scope?: WorkScope): void;
  /** Takes no new message, lets short tasks finish and gives the rest back, within `limits.shutdownSeconds`. */
  stop(): Promise<void>;
}

interface Parts {
  readonly engine: Engine;
  readonly deliveries: MessageIntake;
  readonly broker: SqliteBroker;
  readonly runner: LocalTaskRunner;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The part of a process that runs tasks: it takes messages, sweeps and ticks from time to time, and stops in good order. */
export class PollingWorker implements Worker {
  readonly #parts: Parts;
  readonly #sweepSeconds: number;
  #running = false;
  /** How to call off what comes next of each kind. */
  readonly #next = new Map<Message["kind"], () => void>();

  constructor(parts: Parts, sweepSeconds: number) {
    this.#parts = parts;
    this.#sweepSeconds = sweepSeconds;
  }

  /** Begins to work on everything, or on what the scope says. Sweeps at once: what a dead process left is taken up. */
  start({ batchId, triggers = batchId === undefined }: WorkScope = {}): void {
    const { broker, deliveries } = this.#parts;
    this.#running = true;
    broker.start((delivery) => deliveries.deliver(delivery), { batchId });
    const look: Message = batchId === undefined ? { kind: "sweep" } : { kind: "redrive", batchId };
    void this.#repeat(look, this.#sweepSeconds);
    if (triggers) void this.#repeat({ kind: "tick" }, limits.tickSeconds);
  }

  /** Takes nothing new, lets short tasks finish, gives the rest back, within `limits.shutdownSeconds`. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    for (const cancel of this.#next.values()) cancel();
    const { broker, runner, deliveries, logger } = this.#parts;
    deliveries.stop();
    // A disk that is full must not keep the tasks from being given back.
    await broker.stop().catch((error: unknown) => {
      logger.error("waiting messages could not be stored; the sweep will recreate them", {
        error: errorMessage(error),
      });
    });
    await runner.stop(limits.taskGraceSeconds * 1_000);
    await this.#settled();
  }

  async #repeat(message: Message, seconds: number): Promise<void> {
    const { deliveries, clock, logger } = this.#parts;
    try {
      await deliveries.deliver({ message, deliveryAttempt: 1 });
    } catch (error) {
      // What fails because this process stops, the next process does.
      const fields = { error: errorMessage(error), stack_trace: debugStack(error) };
      if (this.#running) logger.error(`the ${message.kind} failed`, fields);
    }
    if (this.#running)
      this.#next.set(
        message.kind,
        clock.after(seconds * 1_000, () => void this.#repeat(message, seconds)),
      );
  }

  /** Waits until the handlers under way have committed, for as long as the shutdown allows. */
  async #settled(): Promise<void> {
    const { broker, clock } = this.#parts;
    const deadline = clock.monotonicMs() + (limits.shutdownSeconds - limits.taskGraceSeconds) * 1_000;
    while (broker.active > 0 && clock.monotonicMs() < deadline)
      await new Promise<void>((resolve) => {
        clock.after(embeddedLimits.brokerPollMs, resolve);
      });
  }
}

/** The work of a process that messages are pushed to: it begins with the first of them. */
export class PushWorker implements Worker {
  readonly #deliveries: MessageIntake;
  readonly #runner: LocalTaskRunner;
  readonly #clock: Clock;
  readonly #load: () => Promise<void>;

  /** `load` fetches from the disk what nearly every message needs. */
  constructor(deliveries: MessageIntake, runner: LocalTaskRunner, clock: Clock, load: () => Promise<void>) {
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
