import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { debugStack, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { Message } from "../core/messages.ts";
import type { Engine } from "../engine/engine.ts";
import type { MessageIntake } from "../entry/message-intake.ts";
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

/** Limits a worker to a part of the messages. */
interface WorkScope {
  /** One batch only. */
  readonly batchId?: string;
  /** Whether schedules start batches. Default: yes, unless the scope is one batch. */
  readonly triggers?: boolean;
}

/** The part of a process that handles messages and runs tasks. */
export interface Worker {
  /** Starts to receive messages. */
  start(scope?: WorkScope): void;
  /** Accepts no new message, lets short tasks finish and releases the others, within `limits.shutdownSeconds`. */
  stop(): Promise<void>;
}

interface PollingWorkerPorts {
  readonly engine: Engine;
  readonly deliveries: MessageIntake;
  readonly broker: SqliteBroker;
  readonly runner: LocalTaskRunner;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The worker of the embedded engine: it polls the broker, and sweeps and ticks at intervals. */
export class PollingWorker implements Worker {
  readonly #ports: PollingWorkerPorts;
  readonly #sweepSeconds: number;
  #running = false;
  /** Cancels the next sweep, redrive or tick. */
  readonly #next = new Map<Message["kind"], () => void>();

  constructor(ports: PollingWorkerPorts, sweepSeconds: number) {
    this.#ports = ports;
    this.#sweepSeconds = sweepSeconds;
  }

  /** Starts with a sweep, so that batches of a dead process continue at once. */
  start({ batchId, triggers = batchId === undefined }: WorkScope = {}): void {
    const { broker, deliveries } = this.#ports;
    this.#running = true;
    broker.start(deliveries.deliver, { batchId });
    const sweep: Message = batchId === undefined ? { kind: "sweep" } : { kind: "redrive", batchId };
    void this.#repeat(sweep, this.#sweepSeconds);
    if (triggers) void this.#repeat({ kind: "tick" }, limits.tickSeconds);
  }

  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    for (const cancel of this.#next.values()) cancel();
    const { broker, runner, deliveries, logger } = this.#ports;
    deliveries.stop();
    // A full disk must not prevent the release of running tasks.
    await broker.stop().catch((error: unknown) => {
      logger.error("waiting messages could not be stored; the sweep will recreate them", {
        error: errorMessage(error),
      });
    });
    await runner.stop(limits.taskGraceSeconds * 1_000);
    await this.#settled();
  }

  async #repeat(message: Message, seconds: number): Promise<void> {
    const { deliveries, clock, logger } = this.#ports;
    try {
      await deliveries.deliver({ message, deliveryAttempt: 1 });
    } catch (error) {
      // The next process repeats what failed because this one stops.
      const fields = { error: errorMessage(error), stack_trace: debugStack(error) };
      if (this.#running) logger.error(`the ${message.kind} failed`, fields);
    }
    if (this.#running)
      this.#next.set(
        message.kind,
        clock.after(seconds * 1_000, () => void this.#repeat(message, seconds)),
      );
  }

  /** Waits until the running handlers have committed, within the time left of `limits.shutdownSeconds`. */
  async #settled(): Promise<void> {
    const { broker, clock } = this.#ports;
    const deadline = clock.monotonicMs() + (limits.shutdownSeconds - limits.taskGraceSeconds) * 1_000;
    while (broker.active > 0 && clock.monotonicMs() < deadline)
      await new Promise<void>((resolve) => {
        clock.after(embeddedLimits.brokerPollMs, resolve);
      });
  }
}

/** The worker of a process that receives pushed messages. There is nothing to poll. */
export class PushWorker implements Worker {
  readonly #deliveries: MessageIntake;
  readonly #runner: LocalTaskRunner;
  readonly #clock: Clock;
  readonly #load: () => Promise<void>;

  /** `load` loads the modules that nearly every message needs. */
  constructor(deliveries: MessageIntake, runner: LocalTaskRunner, clock: Clock, load: () => Promise<void>) {
    this.#deliveries = deliveries;
    this.#runner = runner;
    this.#clock = clock;
    this.#load = load;
  }

  /** A new instance has a message waiting: modules load while the first requests for keys and tokens are sent. */
  start(): void {
    // A failed load fails again in the handler of the message, which reports it.
    this.#load().catch(() => undefined);
  }

  /** Waits also for the writes of released tasks, before the connections are closed. */
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
