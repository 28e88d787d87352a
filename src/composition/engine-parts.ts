import { hostname } from "node:os";
import { systemIds } from "../adapters/system/ids.ts";
import { WebhookSender } from "../adapters/webhook/sender.ts";
import { AppliedWorkflows } from "../engine/applied-workflows.ts";
import type { Dependencies } from "../engine/dependencies.ts";
import { Engine } from "../engine/engine.ts";
import { MovedFiles } from "../engine/moved-files.ts";
import { Deliveries } from "../entry/deliveries.ts";
import type { Broker, Timer } from "../ports/broker.ts";
import type { CallbackArchive } from "../ports/callbacks.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { Tracer } from "../ports/tracer.ts";
import type { Warehouse } from "../ports/warehouse.ts";
import { LocalTaskRunner } from "../runtime/task-runner.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type CodeCatalog, FixedCatalog } from "../workflow/fixed-catalog.ts";
import type { BuiltWorkflow } from "../workflow/workflow.ts";
import type { Configuration } from "./configuration.ts";
import { httpClient, remoteServices } from "./data-services.ts";
import { taskSecrets } from "./task-secrets.ts";
import { tracingBy } from "./tracing/tracing.ts";

/** What the engine runs on. */
export interface Ground {
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
export interface EngineParts {
  readonly engine: Engine;
  /** The workflows of the configured folder, with everything wrong with them. */
  readonly folder: FolderCatalog;
  readonly applied: AppliedWorkflows;
  readonly deliveries: Deliveries;
  readonly runner: LocalTaskRunner;
}

export function buildEngine(
  configuration: Configuration,
  ground: Ground,
  { workflows, around, tracer }: EngineOptions,
): EngineParts {
  const { objects, warehouse, clock, logger } = ground;
  const tracing = tracingBy(tracer, configuration);
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
    functionOf: (workflowId: string, taskId: string) => catalog.taskCode(workflowId, taskId),
    keyFunctionOf: (workflowId: string, taskId: string) => catalog.keyFunction(workflowId, taskId),
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
  const deliveries = new Deliveries(engine, ground.deliveryAttempts, tracing.deliver);
  return { engine, folder, applied, runner, deliveries };
}
