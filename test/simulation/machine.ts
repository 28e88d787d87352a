import type { CompletionMode } from "../../src/core/messages.ts";
import { Engine } from "../../src/engine/engine.ts";
import { MessageIntake } from "../../src/entry/message-intake.ts";
import type { WorkflowCatalog } from "../../src/ports/catalog.ts";
import type { Clock, Ids } from "../../src/ports/machine.ts";
import type { Logger } from "../../src/ports/telemetry.ts";
import { LocalTaskRunner } from "../../src/runtime/task-runner.ts";
import type { Consumer, SimulatedBroker } from "./broker.ts";
import type { Ledger } from "./ledger.ts";
import { archivePort, callbacksPort, objectsPort, type Services, storePort } from "./ports.ts";
import type { Process } from "./process.ts";
import type { Random } from "./random.ts";
import { codeOf } from "./task-code.ts";
import type { SimulatedWorkflow } from "./workload.ts";

/** Shared by all machines. */
export interface Surroundings {
  readonly services: Services;
  readonly broker: SimulatedBroker;
  readonly ledger: Ledger;
  readonly workflows: readonly SimulatedWorkflow[];
  readonly leaseSeconds: number;
  readonly completions: CompletionMode;
}

/** Milliseconds that a process has to end in good order. */
const graceMs = 7_000;

/** Baton as it is deployed: the real engine and the real runtime, in one process, on simulated services. */
export class Machine implements Consumer {
  readonly process: Process;
  readonly engine: Engine;
  readonly deliveries: MessageIntake;
  readonly #runner: LocalTaskRunner;
  isStopping = false;

  constructor(process: Process, surroundings: Surroundings, random: Random, version: 0 | 1) {
    const { services, broker, ledger, workflows, leaseSeconds, completions } = surroundings;
    const clock: Clock = {
      now: () => process.now(),
      monotonicMs: () => process.monotonicMs(),
      after: (delayMs, callback) => process.after(delayMs, callback),
    };
    const ids = idsOf(process.name, random);
    const callbacks = callbacksPort(services, process);
    const objects = objectsPort(services, process);
    const code = {
      types: new Map(),
      findFunction: async (workflowId: string, taskId: string) => {
        const plan = planOf(workflows, workflowId, taskId);
        return plan && codeOf(plan, process, ledger);
      },
      findKeyFunction: async (workflowId: string, taskId: string) =>
        planOf(workflows, workflowId, taskId) && ((input: unknown) => JSON.stringify(input)),
    };
    this.process = process;
    this.#runner = new LocalTaskRunner({
      code,
      services: { warehouse, objects, http, dataform, powerBi },
      callbacks,
      secrets: { read: async () => "no task of the simulation names one" },
      clock,
      ids,
      logger: silent,
    });
    this.engine = new Engine({
      store: storePort(services, process),
      broker: broker.portOf(process),
      timer: broker.portOf(process),
      objects,
      catalog: catalogOf(workflows, version),
      runner: this.#runner,
      callbacks,
      callbackArchive: archivePort(services, process),
      clock,
      ids,
      logger: silent,
      settings: { leaseSeconds, completions },
      worker: process.name,
    });
    this.deliveries = new MessageIntake(this.engine);
  }

  readonly handle: Consumer["handle"] = async (delivery) => {
    await this.deliveries.deliver(delivery);
  };

  /** Shuts down: it takes nothing new, releases tasks that it can't finish, and is gone. */
  shutDown(): void {
    this.isStopping = true;
    this.deliveries.stop();
    void this.#runner.stop(graceMs);
    this.process.after(graceMs + 2_000, () => this.process.crash());
  }
}

function planOf(workflows: readonly SimulatedWorkflow[], workflowId: string, taskId: string) {
  return workflows.find(({ id }) => id === workflowId)?.plans.get(taskId);
}

function catalogOf(workflows: readonly SimulatedWorkflow[], version: 0 | 1): WorkflowCatalog {
  const deployed = workflows.map(({ versions }) => ({
    definition: versions[version],
    triggers: [],
    parseInput: (input: Parameters<Engine["start"]>[0]["input"]) => input ?? null,
  }));
  return {
    find: async (workflowId) => deployed.find(({ definition }) => definition.workflowId === workflowId),
    all: async () => deployed,
  };
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

const notHere = () => Promise.reject(new Error("No task of a simulation needs this service"));
const warehouse = { load: notHere, query: notHere, cancel: notHere, rows: notHere };
const http = { request: notHere };
const dataform = {
  compile: notHere,
  invoke: notHere,
  invocation: notHere,
  invocations: notHere,
  actions: notHere,
  cancel: notHere,
};
const powerBi = { refreshes: notHere, start: notHere, cancel: notHere };
