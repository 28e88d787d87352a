import { mkdirSync } from "node:fs";
import { Inbox } from "../adapters/filesystem/inbox.ts";
import { SqliteBroker } from "../adapters/sqlite/broker.ts";
import { closeOnError, type Database, inMemory, isThere, openDatabase } from "../adapters/sqlite/database.ts";
import { SqliteDocumentStore } from "../adapters/sqlite/document-store.ts";
import { SqliteDropMemory } from "../adapters/sqlite/drop-memory.ts";
import { GroupCommit } from "../adapters/sqlite/group-commit.ts";
import { StoreClock } from "../adapters/sqlite/store-clock.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { BatonError, messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { App } from "./app.ts";
import { callbackSecret } from "./callback-secret.ts";
import type { Configuration } from "./configuration.ts";
import { openFolders, openObjects, openWarehouse } from "./data-services.ts";
import { buildEngine, type EngineOptions } from "./engine-parts.ts";
import { Work } from "./work.ts";

export interface EmbeddedOptions extends EngineOptions {
  readonly configuration: Configuration;
  readonly logger: Logger;
  /** The clock of everything, the store included. */
  readonly clock?: Clock;
  /** Whether to make the data folder where there is none. Default true; else it works on empty data in memory. */
  readonly creates?: boolean;
}

/** Baton in one process, on one folder. */
export interface EmbeddedApp extends App {
  readonly broker: SqliteBroker;
  readonly work: Work;
  /** The watcher of the inbox, not yet started. */
  readonly inbox: Inbox;
  /** Ends the work if it was begun, within `limits.shutdownSeconds`, and closes every file. */
  close(): Promise<void>;
}

/** Opens the data folder, making it if that is wanted. Throws the coded `STORE_…` errors. */
export function openEmbedded(options: EmbeddedOptions): EmbeddedApp {
  const { configuration, creates = true } = options;
  const path = `${configuration.data}/baton.sqlite`;
  const hasData = creates || isThere(path);
  const database = openDatabase({
    path: hasData ? path : inMemory,
    durability: configuration.durability,
    lockTimeoutSeconds: limits.lockTimeoutSeconds,
  });
  return closeOnError(database, () => {
    if (creates) makeInbox(configuration);
    return embeddedOn(database, { path, hasData }, options);
  });
}

/** Everything, on a database that is open. */
function embeddedOn(
  database: Database,
  { path, hasData }: { readonly path: string; readonly hasData: boolean },
  options: EmbeddedOptions,
): EmbeddedApp {
  const { configuration, logger, clock = systemClock } = options;
  const group = new GroupCommit(database, path);
  const storeClock = new StoreClock(database, group, clock, logger);
  const broker = new SqliteBroker(database, group, storeClock, logger, {
    concurrency: configuration.concurrency,
    queues: configuration.queues,
    leaseSeconds: limits.messageLeaseSeconds,
    pollMs: limits.brokerPollMs,
  });
  const {
    warehouse,
    callbackArchive,
    close: closeWarehouse,
  } = openWarehouse(configuration, logger, !hasData);
  const objects = openObjects(configuration);
  const ground = {
    store: new SqliteDocumentStore(database, group, storeClock),
    broker,
    timer: broker,
    objects,
    warehouse,
    callbackArchive,
    clock,
    logger,
    callbackSecret: callbackSecret(configuration),
    settings: { leaseSeconds: configuration.leaseSeconds, completions: "inline" as const },
    deliveryAttempts: limits.deliveryAttempts,
  };
  const parts = buildEngine(configuration, ground, options);
  const { deliveries, engine } = parts;
  const work = new Work({ ...parts, broker, clock, logger }, configuration.sweepSeconds);
  const inbox = new Inbox({
    folder: configuration.inbox.folder,
    objects: openFolders(configuration),
    logger,
    interest: () => engine.dropInterest("inbox"),
    memory: new SqliteDropMemory(database, group),
    ...(configuration.inbox.quietSeconds !== undefined && {
      stableMs: configuration.inbox.quietSeconds * 1_000,
    }),
    onObject: async (message) => {
      await deliveries.deliver({ message, deliveryAttempt: 1 });
    },
  });
  return {
    configuration,
    ...parts,
    broker,
    work,
    trust: {},
    waiting: () => broker.waiting(),
    hasData,
    inbox,
    async close() {
      await inbox.stop();
      await work.stop();
      await closeWarehouse();
      group.flush();
      database.close();
      await options.tracer?.close();
    },
  };
}

/** One that was named has to exist. */
function makeInbox({ inbox: { folder, configured } }: Configuration): void {
  if (configured) return;
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    const message = `The inbox can't be created: ${messageOf(cause)}`;
    throw new BatonError("INBOX_MISSING", message, { where: folder, cause });
  }
}
