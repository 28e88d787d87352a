import { onTestFinished } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { MessageIntake } from "../../src/entry/message-intake.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { Random } from "../../src/testing/world/random.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { testApp } from "./app.ts";

/** A seeded source of numbers in [0, 1). */
export function seeded(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

export interface ChaosOptions {
  readonly seed: number;
  readonly copies: number;
  readonly concurrency: number;
}

/** An app whose messages go through chaos until the test ends or the app is closed. */
export function chaosApp(workflow: BuiltWorkflow, options: ChaosOptions): EmbeddedApp {
  const transport = new ChaosTransport(options);
  const app = testApp({ workflows: [workflow], around: transport.around });
  transport.deliveries = app.deliveries;
  onTestFinished(() => transport.stop());
  const close = async () => {
    transport.stop();
    await app.close();
  };
  return { ...app, close };
}

/**
 * A transport that delivers every message `copies` times, in random order, at most `concurrency` at once, and again
 * when the handler rejects. It takes the place of the broker; everything else is real.
 */
class ChaosTransport {
  deliveries: MessageIntake | undefined;
  readonly #random: () => number;
  readonly #copies: number;
  readonly #concurrency: number;
  readonly #waiting: OutgoingMessage[] = [];
  #active = 0;
  #stopped = false;

  constructor(options: ChaosOptions) {
    this.#random = seeded(options.seed);
    this.#copies = options.copies;
    this.#concurrency = options.concurrency;
  }

  readonly around = (dependencies: Dependencies): Dependencies => ({
    ...dependencies,
    broker: {
      publish: async (messages) => {
        for (const message of messages)
          for (let copy = 0; copy < this.#copies; copy++) this.#waiting.push(message);
        setImmediate(() => this.#pump());
      },
    },
  });

  /** Delivers nothing more: an app that is closed would refuse it, and be asked again, for ever. */
  stop(): void {
    this.#stopped = true;
  }

  #pump(): void {
    while (!this.#stopped && this.#active < this.#concurrency && this.#waiting.length > 0) {
      const [outgoing] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1);
      if (outgoing) void this.#deliver(outgoing);
    }
  }

  async #deliver(outgoing: OutgoingMessage): Promise<void> {
    this.#active += 1;
    try {
      await this.deliveries?.deliver({ message: outgoing.message, deliveryAttempt: 1 });
    } catch {
      this.#waiting.push(outgoing);
    }
    this.#active -= 1;
    setImmediate(() => this.#pump());
  }
}
