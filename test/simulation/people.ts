import { BatonError } from "../../src/core/errors/errors.ts";
import type { Message } from "../../src/core/messages.ts";
import type { Cluster } from "../../src/testing/world/cluster.ts";
import type { Documents } from "../../src/testing/world/documents.ts";
import type { Machine } from "../../src/testing/world/machine.ts";
import type { Random } from "../../src/testing/world/random.ts";
import type { SimulatedBroker } from "../../src/testing/world/simulated-broker.ts";
import type { World } from "../../src/testing/world/world.ts";
import { definitionOf, findBatch } from "./parsed.ts";

interface Stage {
  readonly world: World;
  readonly cluster: Cluster;
  readonly broker: SimulatedBroker;
  readonly documents: Documents;
  readonly random: Random;
}

interface AskOptions {
  /** When no answer comes. */
  readonly asksAgain?: boolean;
  /** How often it is asked again, much later, after it was refused. */
  readonly retries?: number;
}

/** People and systems outside: they ask again until they are answered. */
export class People {
  /** Things that are still to be asked, or to be answered. */
  open = 0;
  /** Questions that have no answer yet, those included that will be asked again, with how often each is open. */
  readonly #unanswered = new Map<string, number>();
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  isAsking(what: string): boolean {
    return (this.#unanswered.get(what) ?? 0) > 0;
  }

  /** Publishes a message at its time. */
  publish(delayMs: number, message: Message): void {
    const { world, broker } = this.#stage;
    this.#later(delayMs, () => {
      world.note("published", () => JSON.stringify(message));
      broker.accept(message);
      return true;
    });
  }

  /**
   * Publishes a message for a task once its batch exists, but not before its time. There may be no such batch or task.
   */
  publishTo(batchId: string, taskId: string, delayMs: number, message: Message, mostTries = 20): void {
    const { documents } = this.#stage;
    this.#later(delayMs, () => {
      const batch = findBatch(documents, batchId);
      if (!batch && mostTries > 0) this.publishTo(batchId, taskId, 20_000, message, mostTries - 1);
      const tasks = batch ? definitionOf(documents, batch.definitionHash).tasks : [];
      if (tasks.some(({ id }) => id === taskId)) this.publish(0, message);
      return true;
    });
  }

  /** Asks one machine after another until one answers, or says that it never can. */
  ask(
    delayMs: number,
    what: string,
    question: (machine: Machine) => Promise<unknown>,
    { asksAgain = true, retries = 0 }: AskOptions = {},
  ): void {
    const { world, cluster, random } = this.#stage;
    this.#count(what, 1);
    const done = (next: () => void) => {
      const isOver = this.#done(next);
      this.#count(what, -1);
      return isOver;
    };
    this.#later(delayMs, () => {
      const { machines } = cluster;
      const again = () => {
        if (asksAgain) this.ask(random.between(500, 5_000), what, question, { retries });
      };
      const later = () => {
        if (retries > 0) this.ask(30_000, what, question, { retries: retries - 1 });
      };
      if (machines.length === 0) return done(again);
      const machine = random.pick(machines);
      const { process } = machine;
      world.note(`${process.name} is asked to ${what}`);
      let isOpen = true;
      const answered = (next: () => void) => {
        if (isOpen) done(next);
        isOpen = false;
      };
      const asked = () =>
        void question(machine).then(
          () => answered(() => world.note(`${process.name} has done: ${what}`)),
          (error: unknown) => answered(isFinal(error) ? later : again),
        );
      world.after(0, asked, process);
      this.#giveUpOn(
        process,
        () => isOpen,
        () => answered(again),
      );
      return false;
    });
  }

  #count(what: string, change: number): void {
    this.#unanswered.set(what, (this.#unanswered.get(what) ?? 0) + change);
  }

  /** The caller notices after a while that the process is gone. */
  #giveUpOn(process: Machine["process"], isOpen: () => boolean, giveUp: () => void): void {
    this.#stage.world.after(15_000, () => {
      if (!isOpen()) return;
      if (process.isAlive) this.#giveUpOn(process, isOpen, giveUp);
      else giveUp();
    });
  }

  /** Counts as open until it says that it is done. */
  #later(delayMs: number, act: () => boolean): void {
    this.open += 1;
    this.#stage.world.after(delayMs, () => {
      if (act()) this.open -= 1;
    });
  }

  #done(next: () => void): false {
    next();
    this.open -= 1;
    return false;
  }
}

/** Asked again at once, it would be answered the same. */
function isFinal(error: unknown): boolean {
  return error instanceof BatonError && finalCodes.has(error.code);
}

const finalCodes = new Set<string>(["BATCH_UNKNOWN", "BATCH_NOT_FINISHED", "BATCH_SUCCEEDED"]);
