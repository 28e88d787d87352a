import { randomBytes, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Inbox } from "../adapters/filesystem/inbox.ts";
import { SqliteBroker } from "../adapters/sqlite/broker.ts";
import {
  closeOnError,
  type Database,
  databaseExists,
  inMemory,
  openDatabase,
} from "../adapters/sqlite/database.ts";
import { SqliteDocumentStore } from "../adapters/sqlite/document-store.ts";
import { SqliteDropMemory } from "../adapters/sqlite/drop-memory.ts";
import { GroupCommit } from "../adapters/sqlite/group-commit.ts";
import { StoreClock } from "../adapters/sqlite/store-clock.ts";
import { systemClock } from "../adapters/system/system.ts";
import { parseSecrets } from "../adapters/webhook/sender.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../ports/machine.ts";
import type { Logger } from "../ports/telemetry.ts";
import { type App, buildEngine, type EngineOptions } from "./app.ts";
import { openFolders, openObjects, openWarehouse } from "./services.ts";
import { embeddedLimits, PollingWorker } from "./workers.ts";

/**
 * What callbacks are signed with: the configured secrets, else one that is made at the first use and kept in the data
 * folder. What is returned throws `CALLBACK_SECRET_MISSING`.
 */
export function callbackSecret({
  data,
  callbackSecret: configured,
}: Pick<Configuration, "data" | "callbackSecret">): () => string {
  let secret = configured;
  return () => {
    secret ??= keptSecret(data);
    return secret;
  };
}

function keptSecret(data: string): string {
  const path = `${data}/callback-secret`;
  const text = attempt(path, () => read(path) ?? make(data, path));
  const secrets = parseSecrets(text);
  if (!secrets)
    throw new BatonError("CALLBACK_SECRET_MISSING", "The file holds no secret: remove it", { where: path });
  return secrets.join(" ");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A link fails when the name is taken, and what has the name is whole: of several makers one wins, and all read its secret. */
function make(data: string, path: string): string {
  mkdirSync(data, { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  try {
    writeFileSync(temporary, `${secret}\n`, { flag: "wx", mode: 0o600, flush: true });
    linkSync(temporary, path);
    return secret;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return readFileSync(path, "utf8");
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const message = `The secret for callbacks can't be stored: ${errorMessage(error)}`;
    throw new BatonError("CALLBACK_SECRET_MISSING", message, { where: path, cause: error });
  }
}

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
  readonly work: PollingWorker;
  /** The watcher of the inbox, not yet started. */
  readonly inbox: Inbox;
  /** Ends the work if it was begun, within `limits.shutdownSeconds`, and closes every file. */
  close(): Promise<void>;
}

/** Opens the data folder, making it if that is wanted. Throws the coded `STORE_…` errors. */
export function openEmbedded(options: EmbeddedOptions): EmbeddedApp {
  const { configuration, creates = true } = options;
  const path = `${configuration.data}/baton.sqlite`;
  const hasData = creates || databaseExists(path);
  const database = openDatabase({
    path: hasData ? path : inMemory,
    durability: configuration.durability,
    lockTimeoutSeconds: embeddedLimits.lockTimeoutSeconds,
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
    leaseSeconds: embeddedLimits.messageLeaseSeconds,
    pollMs: embeddedLimits.brokerPollMs,
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
  const work = new PollingWorker({ ...parts, broker, clock, logger }, configuration.sweepSeconds);
  const inbox = new Inbox({
    folder: configuration.inbox.folder,
    objects: openFolders(configuration),
    logger,
    matcher: () => engine.dropInterest("inbox"),
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
    const message = `The inbox can't be created: ${errorMessage(cause)}`;
    throw new BatonError("INBOX_MISSING", message, { where: folder, cause });
  }
}
