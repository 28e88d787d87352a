import { hostname } from "node:os";
import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { systemIds } from "../adapters/system/system.ts";
import { WebhookSender } from "../adapters/webhook/sender.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { taskSecrets } from "../configuration/secrets.ts";
import type { Dependencies } from "../engine/dependencies.ts";
import { Engine } from "../engine/engine.ts";
import { MovedFiles } from "../engine/execute/moved-files.ts";
import { AppliedWorkflows } from "../engine/records/applied-workflows.ts";
import type { HttpTrust } from "../entry/http-handler.ts";
import { MessageIntake } from "../entry/message-intake.ts";
import type { Broker, Timer } from "../ports/broker.ts";
import type { CallbackArchive } from "../ports/callbacks.ts";
import type { WorkflowCatalog } from "../ports/catalog.ts";
import type { Clock } from "../ports/machine.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { Logger, Tracer } from "../ports/telemetry.ts";
import type { Warehouse } from "../ports/warehouse.ts";
import { LocalTaskRunner } from "../runtime/task-runner.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { createTracing } from "../telemetry/telemetry.ts";
import { type CodeCatalog, codeOf, FixedCatalog, FolderCatalog } from "../workflow/catalog.ts";
import type { BuiltWorkflow } from "../workflow/workflow.ts";
import { httpClient, remoteServices } from "./services.ts";
import type { Worker } from "./workers.ts";

/** The adapters and settings that differ between the embedded engine and Google Cloud. */
export interface EnginePorts {
  readonly store: DocumentStore;
  readonly broker: Broker;
  readonly timer: Timer;
  readonly objects: ObjectStore;
  readonly warehouse: Warehouse;
  readonly callbackArchive: CallbackArchive;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Returns the secrets that sign callbacks. Throws `CALLBACK_SECRET_MISSING`. */
  readonly callbackSecret: () => string;
  readonly settings: Dependencies["settings"];
  /** Number of failed deliveries after which a message becomes a dead letter although its error is retryable. */
  readonly deliveryAttempts: number;
}

export interface EngineOptions {
  /** Workflows to use instead of those in the configured folder. */
  readonly workflows?: readonly BuiltWorkflow[] | undefined;
  readonly tracer?: Tracer | undefined;
  /** Lets a test wrap the ports of the engine. */
  readonly around?: ((dependencies: Dependencies) => Dependencies) | undefined;
}

/** The engine with its catalog, intake and task runner. */
interface EngineWithIntake {
  readonly engine: Engine;
  /** The workflows in use. */
  readonly catalog: WorkflowCatalog;
  /** The workflows of the configured folder, and their problems. */
  readonly folder: FolderCatalog;
  readonly applied: AppliedWorkflows;
  readonly deliveries: MessageIntake;
  readonly runner: LocalTaskRunner;
}

export function buildEngine(
  configuration: Configuration,
  ports: EnginePorts,
  { workflows, around, tracer }: EngineOptions,
): EngineWithIntake {
  const { objects, warehouse, clock, logger } = ports;
  const tracing = createTracing(tracer, configuration);
  const store = tracing.store(ports.store);
  const ids = systemIds;
  const http = httpClient(configuration);
  const secrets = taskSecrets(configuration.taskSecrets);
  const callbacks = tracing.callbacks(
    new WebhookSender({ http, secret: ports.callbackSecret, secrets, clock, ids }),
  );
  const applied = new AppliedWorkflows({ store, ids, clock });
  const folder = new FolderCatalog({
    folder: configuration.workflows,
    taskTypes: builtInTaskTypes,
    applied: () => applied.all(),
  });
  const catalog: CodeCatalog = workflows ? new FixedCatalog(workflows) : folder;
  const code = tracing.code(codeOf(catalog, builtInTaskTypes));
  const files = new MovedFiles({ store, objects, catalog, ids, clock });
  const services = tracing.services({ warehouse, objects: files, http, ...remoteServices(configuration) });
  const { attemptSeconds } = ports.settings;
  const runner = new LocalTaskRunner({
    code,
    services,
    callbacks,
    secrets,
    clock,
    ids,
    logger,
    attemptSeconds,
  });
  const dependencies: Dependencies = {
    store,
    broker: ports.broker,
    timer: ports.timer,
    objects,
    catalog,
    runner: tracing.runner(runner),
    callbacks,
    callbackArchive: ports.callbackArchive,
    clock,
    ids,
    logger,
    settings: ports.settings,
    worker: `${hostname()}:${process.pid}`,
  };
  const engine = new Engine(around ? around(dependencies) : dependencies);
  const deliveries = new MessageIntake(engine, ports.deliveryAttempts, tracing.deliver);
  return { engine, catalog, folder, applied, runner, deliveries };
}

/** Messages that wait in a queue of this machine. */
type WaitingQueues = ReturnType<SqliteBroker["waiting"]>;

/** Baton on the embedded engine or on Google Cloud. */
export interface App extends EngineWithIntake {
  readonly configuration: Configuration;
  readonly broker: Broker;
  readonly work: Worker;
  /** How its HTTP entry checks callers and seals. */
  readonly trust: HttpTrust;
  /** False if there is no data folder. Commands that only read do not create one. */
  readonly hasData: boolean;
  /** The messages that wait in the queues; empty on Google Cloud. */
  waiting(): WaitingQueues;
  /** Closes all files and connections. */
  close(): Promise<void>;
}
