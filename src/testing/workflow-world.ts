import { BatonError } from "../core/errors/errors.ts";
import type { Message } from "../core/messages.ts";
import { type JsonValue, StoredJsonSchema } from "../core/values/json.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { AnyTaskFunction } from "../runtime/task-type.ts";
import { FixedCatalog } from "../workflow/catalog.ts";
import type { BuiltWorkflow } from "../workflow/workflow.ts";
import { RealWork } from "./code/real-work.ts";
import { codeOf } from "./code/task-code-of.ts";
import { installVirtualGlobals, removeVirtualGlobals } from "./code/virtual-globals.ts";
import { noObserver } from "./code/watched-run.ts";
import { FakeServices, type ServiceFakes } from "./fakes/fake-services.ts";
import { Documents } from "./world/documents.ts";
import { Machine } from "./world/machine.ts";
import { Process } from "./world/process.ts";
import { Random } from "./world/random.ts";
import { SimulatedBroker } from "./world/simulated-broker.ts";
import { Trace } from "./world/trace.ts";
import { World } from "./world/world.ts";

/** A callback that a task sent. */
export interface SentCallback {
  readonly url: string;
  readonly type: string;
  readonly data: JsonValue;
}

export interface WorkflowWorldOptions {
  readonly fakes: ServiceFakes;
  readonly mocks: ReadonlyMap<string, AnyTaskFunction>;
  readonly beginning: number;
  readonly logger?: Logger | undefined;
}

/** More events than any test needs: a task goes round in circles. */
const mostEvents = 500_000;
const leaseSeconds = 60;

/** One machine on which nothing fails, with the real engine, and time that moves from one event to the next. */
export class WorkflowWorld {
  readonly machine: Machine;
  readonly fakes: FakeServices;
  readonly callbacks: SentCallback[] = [];
  readonly #documents = new Documents();
  readonly #world: World;
  readonly #broker: SimulatedBroker;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(workflow: BuiltWorkflow, { fakes, mocks, beginning, logger }: WorkflowWorldOptions) {
    const work = new RealWork();
    const random = new Random(1);
    const faults = { at: () => undefined };
    this.#world = new World(new Trace(false), { beginning, rest: work.rest });
    this.fakes = new FakeServices(fakes, work, () => this.#world.now);
    const process = new Process(this.#world, faults, random.fork(), {
      name: "test",
      skewMs: 0,
      standstillMs: 0,
      answersAtOnce: () => true,
    });
    const consumers = () => [this.machine];
    this.#broker = new SimulatedBroker(this.#world, faults, random.fork(), {
      hostility: "gentle",
      acknowledgeSeconds: 24 * 3_600,
      onAcknowledged: () => undefined,
      consumers,
    });
    const place = { process, work, observer: noObserver, random: random.fork() };
    const catalog = new FixedCatalog([workflow]);
    const parts = {
      shared: {
        world: this.#world,
        documents: this.#documents,
        objects: new Map<string, Uint8Array>(),
        receiver: {
          take: (url: string, _webhookId: string, body: string) =>
            this.callbacks.push(readCallback(url, body)),
          archive: () => undefined,
        },
        onCommit: () => undefined,
      },
      broker: this.#broker,
      catalog,
      code: codeOf(catalog, mocks, place),
      services: this.fakes.of(process),
      objects: this.fakes.objects,
      leaseSeconds,
      completions: "inline" as const,
      ...(logger && { logger }),
    };
    this.machine = new Machine(process, parts, random.fork());
  }

  get now(): number {
    return this.#world.now;
  }

  /** Publishes a message, as an outside system does. */
  publish(message: Message): void {
    this.#broker.accept(message);
  }

  /** Lets time pass until the work is done, which waits for the world. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    return this.#exclusively(async () => {
      const settled = Promise.allSettled([work()]);
      let isSettled = false;
      void settled.then(() => {
        isSettled = true;
      });
      await this.#stepUntil(() => isSettled);
      const [result] = await settled;
      if (result.status === "rejected") throw result.reason;
      return result.value;
    });
  }

  /** Lets time pass until something holds. Throws `TEST_STUCK` if nothing more happens before. */
  async until(holds: () => Promise<boolean>): Promise<void> {
    await this.#exclusively(async () => {
      while (!(await holds())) await this.#stepOnce();
    });
  }

  /** Lets this much time pass. */
  async advance(milliseconds: number): Promise<void> {
    let isReached = false;
    this.#world.after(milliseconds, () => {
      isReached = true;
    });
    await this.#exclusively(() => this.#stepUntil(() => isReached));
  }

  /** Oldest first. */
  batchIds(): readonly string[] {
    return this.#documents.all("batches").map(({ key }) => key.id);
  }

  /** Whether callbacks are still to be sent. A batch may send those of an earlier one again. */
  hasPendingCallbacks(): boolean {
    return this.#documents.all("callbacks").some(({ data }) => data.state === "PENDING");
  }

  async #stepUntil(holds: () => boolean): Promise<void> {
    // What needs no time happens before time passes.
    for (let turn = 0; turn < 5 && !holds(); turn += 1)
      await new Promise((resolve) => process.nextTick(resolve));
    while (!holds()) await this.#stepOnce();
  }

  async #stepOnce(): Promise<void> {
    this.#events += 1;
    if (this.#events > mostEvents || !(await this.#world.step()))
      throw new BatonError(
        "TEST_STUCK",
        this.#events > mostEvents
          ? `The test has not ended after ${mostEvents} events`
          : "Nothing more happens, and the test has not ended",
      );
  }

  #events = 0;

  /** Two calls must not move time at once. */
  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      installVirtualGlobals();
      this.#events = 0;
      try {
        return await work();
      } finally {
        removeVirtualGlobals();
      }
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}

function readCallback(url: string, body: string): SentCallback {
  const { type, data } = JSON.parse(body);
  return { url, type: String(type), data: StoredJsonSchema.parse(data ?? null) };
}
