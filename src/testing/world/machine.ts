import type { CompletionMode } from "../../core/messages.ts";
import { Engine } from "../../engine/engine.ts";
import { MessageIntake } from "../../entry/message-intake.ts";
import type { WorkflowCatalog } from "../../ports/catalog.ts";
import type { Clock, Ids } from "../../ports/machine.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { TaskCode } from "../../runtime/task-code.ts";
import { LocalTaskRunner } from "../../runtime/task-runner.ts";
import type { Services } from "../../runtime/task-type.ts";
import type { Process } from "./process.ts";
import type { Random } from "./random.ts";
import type { Consumer, SimulatedBroker } from "./simulated-broker.ts";
import {
  archivePort,
  callbacksPort,
  objectsPort,
  type SharedServices,
  storePort,
} from "./simulated-ports.ts";

/** What a machine runs, and the services that it shares with the others. */
export interface MachineParts {
  readonly shared: SharedServices;
  readonly broker: SimulatedBroker;
  readonly catalog: WorkflowCatalog;
  readonly code: TaskCode;
  /** The services of tasks. Default: none of them works. */
  readonly services?: Services;
  /** Default: the objects of `shared`. */
  readonly objects?: ObjectStore;
  readonly leaseSeconds: number;
  readonly completions: CompletionMode;
  readonly logger?: Logger;
}

/** Milliseconds that a process has for an orderly shutdown. */
const graceMs = 7_000;

/** Baton as it is deployed: the real engine and the real runtime, in one process, on simulated services. */
export class Machine implements Consumer {
  readonly process: Process;
  readonly engine: Engine;
  readonly deliveries: MessageIntake;
  readonly #runner: LocalTaskRunner;
  isStopping = false;

  constructor(process: Process, parts: MachineParts, random: Random) {
    const { shared, broker, catalog, code, leaseSeconds, completions, logger = silent } = parts;
    const clock: Clock = {
      now: () => process.now(),
      monotonicMs: () => process.monotonicMs(),
      after: (delayMs, callback) => process.after(delayMs, callback),
    };
    const ids = idsOf(process.name, random);
    const callbacks = callbacksPort(shared, process);
    const objects = parts.objects ?? objectsPort(shared, process);
    this.process = process;
    this.#runner = new LocalTaskRunner({
      code,
      services: parts.services ?? { ...noServices, objects },
      callbacks,
      secrets: { read: async (name) => `the secret ${name}` },
      clock,
      ids,
      logger,
    });
    this.engine = new Engine({
      store: storePort(shared, process),
      broker: broker.portOf(process),
      timer: broker.portOf(process),
      objects,
      catalog,
      runner: this.#runner,
      callbacks,
      callbackArchive: archivePort(shared, process),
      clock,
      ids,
      logger,
      settings: { leaseSeconds, completions },
      worker: process.name,
    });
    this.deliveries = new MessageIntake(this.engine);
  }

  readonly handle: Consumer["handle"] = async (delivery) => {
    await this.deliveries.deliver(delivery);
  };

  /** Shuts down: it takes nothing new, releases tasks that it can't finish, and ends. */
  shutDown(): void {
    this.isStopping = true;
    this.deliveries.stop();
    void this.#runner.stop(graceMs);
    this.process.after(graceMs + 2_000, () => this.process.crash());
  }
}

/** Unique without chance: a name that is used once says more in a trace. */
function idsOf(name: string, random: Random): Ids {
  let count = 0;
  return {
    unique: () => `${name}-${++count}`,
    random: () => random.next(),
  };
}

const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

const missing = () => Promise.reject(new Error("The simulated world has no such service"));
const noServices: Omit<Services, "objects"> = {
  warehouse: { load: missing, query: missing, cancel: missing, rows: missing },
  http: { request: missing },
  dataform: {
    compile: missing,
    invoke: missing,
    invocation: missing,
    invocations: missing,
    actions: missing,
    cancel: missing,
  },
  powerBi: { refreshes: missing, start: missing, cancel: missing },
};
