import { hostname } from "node:os";
import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { systemIds } from "../adapters/system/system.ts";
import { WebhookSender } from "../adapters/webhook/sender.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { taskSecrets } from "../configuration/secrets.ts";
import type { Dependencies } from "../engine/dependencies.ts";
import { Engine } from "../engine/engine.ts";
import { AppliedWorkflows } from "../engine/records/definitions.ts";
import { MovedFiles } from "../engine/start/moved-files.ts";
import { MessageIntake } from "../entry/deliveries.ts";
import type { HttpTrust } from "../entry/http-handler.ts";
import type { Broker, Timer } from "../ports/broker.ts";
import type { CallbackArchive } from "../ports/callbacks.ts";
import type { Clock } from "../ports/machine.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { Logger, Tracer } from "../ports/telemetry.ts";
import type { Warehouse } from "../ports/warehouse.ts";
import { LocalTaskRunner } from "../runtime/task-runner.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { createTracing } from "../telemetry/telemetry.ts";
import { type CodeCatalog, FixedCatalog, FolderCatalog } from "../workflow/catalog.ts";
import type { BuiltWorkflow } from "../workflow/workflow.ts";
import { httpClient, remoteServices } from "./services.ts";
import type { Worker } from "./workers.ts";

/** What the engine runs on. */
export interface EnginePorts {
  readonly store: DocumentStore;
  readonly broker: Broker;
  readonly timer: Timer;
  readonly objects: ObjectStore;
  readonly warehouse: Warehouse;
  readonly callbackArchive: CallbackArchive;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Secrets that callbacks are signed with. Throws `CALLBACK_SECRET_MISSING`. */
  readonly callbackSecret: () => string;
  readonly settings: Dependencies["settings"];
  /** Failed deliveries after which a message that may still succeed becomes a dead letter. */
  readonly deliveryAttempts: number;
}

export interface EngineOptions {
  /** Workflows to use instead of those in the configured folder. */
  readonly workflows?: readonly BuiltWorkflow[] | undefined;
  /** Tells where time goes. */
  readonly tracer?: Tracer | undefined;
  /** Lets a test stand between the engine and its ports. */
  readonly around?: ((dependencies: Dependencies) => Dependencies) | undefined;
}

/** The engine and what belongs to it on every ground. */
interface EngineParts {
  readonly engine: Engine;
  /** The workflows of the configured folder, with everything wrong with them. */
  readonly folder: FolderCatalog;
  readonly applied: AppliedWorkflows;
  readonly deliveries: MessageIntake;
  readonly runner: LocalTaskRunner;
}

export function buildEngine(
  configuration: Configuration,
  ground: EnginePorts,
  { workflows, around, tracer }: EngineOptions,
): EngineParts {
  const { objects, warehouse, clock, logger } = ground;
  const tracing = createTracing(tracer, configuration);
  const store = tracing.store(ground.store);
  const ids = systemIds;
  const http = httpClient(configuration);
  const secrets = taskSecrets(configuration.taskSecrets);
  const callbacks = tracing.callbacks(
    new WebhookSender({ http, secret: ground.callbackSecret, secrets, clock, ids }),
  );
  const applied = new AppliedWorkflows({ store, ids, clock });
  const folder = new FolderCatalog({
    folder: configuration.workflows,
    taskTypes: builtInTaskTypes,
    applied: () => applied.all(),
  });
  const catalog: CodeCatalog = workflows ? new FixedCatalog(workflows) : folder;
  const code = tracing.code({
    types: builtInTaskTypes,
    findFunction: (workflowId: string, taskId: string) => catalog.taskCode(workflowId, taskId),
    findKeyFunction: (workflowId: string, taskId: string) => catalog.keyFunction(workflowId, taskId),
  });
  const files = new MovedFiles({ store, objects, catalog, ids });
  const services = tracing.services({ warehouse, objects: files, http, ...remoteServices(configuration) });
  const { attemptSeconds } = ground.settings;
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
  const plain: Dependencies = {
    store,
    broker: ground.broker,
    timer: ground.timer,
    objects,
    catalog,
    runner: tracing.runner(runner),
    callbacks,
    callbackArchive: ground.callbackArchive,
    clock,
    ids,
    logger,
    settings: ground.settings,
    worker: `${hostname()}:${process.pid}`,
  };
  const engine = new Engine(around ? around(plain) : plain);
  const deliveries = new MessageIntake(engine, ground.deliveryAttempts, tracing.deliver);
  return { engine, folder, applied, runner, deliveries };
}

/** Messages that wait in a queue of this machine. */
type WaitingQueues = ReturnType<SqliteBroker["waiting"]>;

/** Baton, wherever its batches live. */
export interface App extends EngineParts {
  readonly configuration: Configuration;
  readonly broker: Broker;
  readonly work: Worker;
  /** Whom its HTTP entry lets in, and believes. */
  readonly trust: HttpTrust;
  /** False: nothing was ever stored here. Commands that only read make no data folder. */
  readonly hasData: boolean;
  /** What waits in the queues, where that can be told. */
  waiting(): WaitingQueues;
  /** Lets go of everything it has opened. */
  close(): Promise<void>;
}
