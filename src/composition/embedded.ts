import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { DuckDbCallbackArchive } from "../adapters/duckdb/callback-archive.ts";
import { DatabaseFile } from "../adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../adapters/duckdb/warehouse.ts";
import { Inbox } from "../adapters/filesystem/inbox.ts";
import { FolderObjectStore } from "../adapters/filesystem/object-store.ts";
import { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { openDatabase } from "../adapters/sqlite/database.ts";
import { SqliteDocumentStore } from "../adapters/sqlite/document-store.ts";
import { GroupCommit } from "../adapters/sqlite/group-commit.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { systemIds } from "../adapters/system/ids.ts";
import { WebhookSender } from "../adapters/webhook/sender.ts";
import { limits } from "../core/limits.ts";
import { AppliedWorkflows } from "../engine/applied-workflows.ts";
import type { Dependencies } from "../engine/dependencies.ts";
import { Engine } from "../engine/engine.ts";
import { Deliveries } from "../entry/deliveries.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { DocumentStore } from "../ports/store.ts";
import { LocalTaskRunner } from "../runtime/task-runner.ts";
import type { Services } from "../runtime/task-type.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type CodeCatalog, FixedCatalog } from "../workflow/fixed-catalog.ts";
import type { BuiltWorkflow } from "../workflow/workflow.ts";
import { callbackSecret } from "./callback-secret.ts";
import type { Configuration } from "./configuration.ts";
import { lazyHttpClient } from "./lazy-http-client.ts";
import { Work } from "./work.ts";

export interface EmbeddedOptions {
  readonly configuration: Configuration;
  readonly logger: Logger;
  /** Workflows to use instead of those in the configured folder. */
  readonly workflows?: readonly BuiltWorkflow[];
  /** Lets a test stand between the engine and its ports. */
  readonly around?: (dependencies: Dependencies) => Dependencies;
  /** The clock of everything, the store included. */
  readonly clock?: Clock;
}

/** Baton in one process, on one folder. */
export interface EmbeddedApp {
  readonly configuration: Configuration;
  readonly engine: Engine;
  /** The workflows of the configured folder, with everything wrong with them. */
  readonly folder: FolderCatalog;
  readonly applied: AppliedWorkflows;
  readonly deliveries: Deliveries;
  readonly broker: SqliteBroker;
  readonly work: Work;
  /** The watcher of the inbox, not yet started. */
  readonly inbox: Inbox;
  /** Ends the work if it was begun, within `limits.shutdownSeconds`, and closes every file. */
  close(): Promise<void>;
}

/** Opens the data folder, making it if it is not there. Throws the coded `STORE_…` errors. */
export function openEmbedded(options: EmbeddedOptions): EmbeddedApp {
  const { configuration, logger, workflows, around, clock = systemClock } = options;
  const ids = systemIds;
  const path = `${configuration.data}/baton.sqlite`;
  const database = openDatabase({
    path,
    durability: configuration.durability,
    lockTimeoutSeconds: limits.lockTimeoutSeconds,
  });
  const group = new GroupCommit(database, path);
  const store: DocumentStore = new SqliteDocumentStore(database, group, clock);
  const broker = new SqliteBroker(database, group, clock, logger, {
    concurrency: configuration.concurrency,
    queues: configuration.queues,
    leaseSeconds: limits.messageLeaseSeconds,
    pollMs: limits.brokerPollMs,
  });
  const objects = openObjectStore(configuration);
  const warehouseFile = new DatabaseFile(`${configuration.data}/warehouse.duckdb`);
  const warehouse = new DuckDbWarehouse(warehouseFile);
  const http = lazyHttpClient(configuration);
  const callbacks = new WebhookSender(http, callbackSecret(configuration), clock);
  const services: Services = { warehouse, objects, http };
  const applied = new AppliedWorkflows({ store, ids, clock });
  const folder = new FolderCatalog({
    folder: configuration.workflows,
    taskTypes: builtInTaskTypes,
    applied: () => applied.all(),
  });
  const catalog: CodeCatalog = workflows ? new FixedCatalog(workflows) : folder;
  const code = {
    types: builtInTaskTypes,
    functionOf: (workflowId: string, taskId: string) => catalog.taskCode(workflowId, taskId),
    keyFunctionOf: (workflowId: string, taskId: string) => catalog.keyFunction(workflowId, taskId),
  };
  const runner = new LocalTaskRunner({ code, services, callbacks, clock, ids, logger });
  const settings = { leaseSeconds: configuration.leaseSeconds };
  const worker = `${hostname()}:${process.pid}`;
  const plain: Dependencies = {
    store,
    broker,
    timer: broker,
    objects,
    catalog,
    runner,
    callbacks,
    callbackArchive: new DuckDbCallbackArchive(warehouseFile),
    clock,
    ids,
    logger,
    settings,
    worker,
  };
  const engine = new Engine(around ? around(plain) : plain);
  const deliveries = new Deliveries(engine);
  const work = new Work({ engine, deliveries, broker, runner, clock, logger }, configuration.sweepSeconds);
  const inbox = new Inbox({
    folder: configuration.inbox.folder,
    objects,
    logger,
    onObject: async (message) => {
      await deliveries.deliver({ message, deliveryAttempt: 1 });
    },
  });
  return {
    configuration,
    engine,
    folder,
    applied,
    deliveries,
    broker,
    work,
    inbox,
    async close() {
      await inbox.stop();
      await work.stop();
      await warehouseFile.close();
      group.flush();
      database.close();
    },
  };
}

function openObjectStore({ data, inbox }: Configuration): FolderObjectStore {
  if (!inbox.configured) mkdirSync(inbox.folder, { recursive: true });
  return new FolderObjectStore({
    buckets: {
      inbox: inbox.folder,
      reports: `${data}/reports`,
      results: `${data}/results`,
      "dead-letters": `${data}/dead-letters`,
    },
  });
}
