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
import { ResultObjects } from "../adapters/sqlite/result-objects.ts";
import { StoreClock } from "../adapters/sqlite/store-clock.ts";
import { systemClock } from "../adapters/system/system.ts";
import { parseSecrets } from "../adapters/webhook/sender.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { ownBuckets } from "../core/records.ts";
import type { Clock } from "../ports/machine.ts";
import type { Logger } from "../ports/telemetry.ts";
import { type App, buildEngine, type EngineOptions } from "./app.ts";
import { openFolders, openObjects, openWarehouse } from "./services.ts";
import { embeddedLimits, PollingWorker } from "./workers.ts";

/**
 * Returns a function for the secrets that sign callbacks: the configured ones, or one that the first call creates in
 * the data folder. That function throws `CALLBACK_SECRET_MISSING`.
 */
export function callbackSecret({
  data,
  callbackSecret: configured,
}: Pick<Configuration, "data" | "callbackSecret">): () => string {
  let secret = configured;
  return () => {
    secret ??= storedSecret(data, "callback-secret");
    return secret;
  };
}

/**
 * The secret behind the sessions of the console. It is in the data folder, so that a browser stays signed in when the
 * server starts again; without the file, everyone has to sign in again.
 */
export function consoleSecret({ data }: Pick<Configuration, "data">): string {
  return storedSecret(data, "console-secret");
}

function storedSecret(data: string, file: string): string {
  const path = `${data}/${file}`;
  const text = withSecretError(path, () => tryReadFile(path) ?? createSecret(data, path));
  const secrets = parseSecrets(text);
  if (!secrets)
    throw new BatonError("CALLBACK_SECRET_MISSING", "The file contains no valid secret: delete it", {
      where: path,
    });
  return secrets.join(" ");
}

function tryReadFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A link is atomic and fails if the file exists: of several processes one creates the secret, and all read it. */
function createSecret(data: string, path: string): string {
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

function withSecretError<T>(path: string, work: () => T): T {
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
  /** Default: the system's clock. The store uses it too. */
  readonly clock?: Clock;
  /** Whether to create a missing data folder. Default true. If false, a database in memory is used instead. */
  readonly creates?: boolean;
}

/** Baton in one process, on one data folder. */
export interface EmbeddedApp extends App {
  readonly broker: SqliteBroker;
  readonly work: PollingWorker;
  /** The watcher of the inbox, not yet started. */
  readonly inbox: Inbox;
  /** Stops the worker if it runs, within `limits.shutdownSeconds`, and closes all files. */
  close(): Promise<void>;
}

/** Opens the data folder, and creates it if `creates` is set. Throws `STORE_…` errors, `INBOX_MISSING`. */
export function openEmbedded(options: EmbeddedOptions): EmbeddedApp {
  const { configuration, creates = true } = options;
  const path = `${configuration.data}/baton.sqlite`;
  const hasData = creates || databaseExists(path);
  const database = openDatabase({
    path: hasData ? path : inMemory,
    durability: configuration.durability,
    lockTimeoutSeconds: embeddedLimits.lockTimeoutSeconds,
    logger: options.logger,
  });
  return closeOnError(database, () => {
    if (creates) createInbox(configuration);
    return buildEmbedded(database, { path, hasData }, options);
  });
}

function buildEmbedded(
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
  const chosen = openObjects(configuration);
  const inFolders = configuration.objects === "folder";
  const objects = inFolders ? new ResultObjects(database, group, ownBuckets.results, chosen) : chosen;
  const ports = {
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
  const built = buildEngine(configuration, ports, options);
  const { deliveries, engine } = built;
  const work = new PollingWorker({ ...built, broker, clock, logger }, configuration.sweepSeconds);
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
    ...built,
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

/** A configured inbox must exist. Only the default one is created. */
function createInbox({ inbox: { folder, configured } }: Configuration): void {
  if (configured) return;
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    const message = `The inbox can't be created: ${errorMessage(cause)}`;
    throw new BatonError("INBOX_MISSING", message, { where: folder, cause });
  }
}
