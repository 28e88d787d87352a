import { WarehouseCallbackArchive } from "../adapters/callback-archive/archive.ts";
import { type DataformOptions, DataformService } from "../adapters/dataform/dataform.ts";
import { FolderObjectStore } from "../adapters/filesystem/object-store.ts";
import { type PowerBiOptions, PowerBiService } from "../adapters/power-bi/power-bi.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { powerBiRequirements } from "../configuration/environment.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { BatonError } from "../core/errors/errors.ts";
import { ownBuckets } from "../core/records.ts";
import type { CallbackArchive } from "../ports/callbacks.ts";
import type { HttpClient } from "../ports/http.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { PowerBi } from "../ports/services.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Warehouse, WarehouseTables } from "../ports/warehouse.ts";
import { taskTime, withoutTaskTime } from "../runtime/current-run.ts";
import type { Services } from "../runtime/task-type.ts";

const warehouseMethods: Methods<Warehouse> = { load: true, query: true, rows: true, cancel: true };
const tableMethods: Methods<WarehouseTables> = {
  findTable: true,
  createTable: true,
  write: true,
  rows: true,
};
const objectMethods: Methods<ObjectStore> = {
  stat: true,
  read: true,
  write: true,
  move: true,
  list: true,
  remove: true,
};

/** The warehouse, and the archive of callbacks in it. */
export interface WarehouseServices {
  readonly warehouse: Warehouse;
  readonly callbackArchive: CallbackArchive;
  close(): Promise<void>;
}

/**
 * The configured warehouse. It is loaded at its first use, since most processes use none. `inMemory`: DuckDB creates no
 * file.
 */
export function openWarehouse(
  configuration: Configuration,
  logger: Logger,
  inMemory = false,
): WarehouseServices {
  let isOpened = false;
  const open = memoize(async () => {
    isOpened = true;
    return configuration.warehouse === "duckdb"
      ? openDuckDb(configuration, logger, inMemory)
      : openBigQuery(configuration);
  });
  return {
    // Loading does not count as time of the first task that needs it.
    warehouse: lazy(warehouseMethods, async () => (await withoutTaskTime(open)).warehouse),
    callbackArchive: new WarehouseCallbackArchive(lazy(tableMethods, async () => (await open()).warehouse)),
    async close() {
      if (isOpened) await (await open()).close();
    },
  };
}

interface OpenWarehouse {
  readonly warehouse: Warehouse & WarehouseTables;
  close(): Promise<void>;
}

async function openBigQuery(configuration: Configuration): Promise<OpenWarehouse> {
  const { BigQueryWarehouse } = await import("../adapters/bigquery/bigquery-warehouse.ts");
  const google = requireGoogle(configuration);
  const { projectId, dataset, bigQueryLocation, maximumBytesBilled, endpoints } = google;
  const options = {
    projectId,
    dataset,
    deployment: deploymentId(google),
    location: bigQueryLocation,
    maximumBytesBilled,
    apiEndpoint: endpoints.bigQuery,
    storageEndpoint: endpoints.storage,
    time: taskTime,
  };
  return {
    warehouse: new BigQueryWarehouse(options),
    async close() {},
  };
}

async function openDuckDb(
  { data }: Configuration,
  logger: Logger,
  inMemory: boolean,
): Promise<OpenWarehouse> {
  const { DatabaseFile } = await import("../adapters/duckdb/database-file.ts");
  const { DuckDbWarehouse } = await import("../adapters/duckdb/duckdb-warehouse.ts");
  const path = `${data}/warehouse.duckdb`;
  const file = new DatabaseFile(path, {
    inMemory,
    time: taskTime,
    onLocked: (heldMs) =>
      logger.warn("another process holds the warehouse; tasks wait for it", {
        path,
        heldSeconds: Math.round(heldMs / 1_000),
      }),
  });
  return {
    warehouse: new DuckDbWarehouse(file),
    close: () => file.close(),
  };
}

/** The configured object store. Baton's own buckets are folders of one bucket. */
export function openObjects(configuration: Configuration): ObjectStore {
  if (configuration.objects === "folder") return openFolders(configuration);
  return lazy(
    objectMethods,
    memoize(() => openBuckets(configuration)),
  );
}

async function openBuckets(configuration: Configuration): Promise<ObjectStore> {
  const { CloudObjectStore } = await import("../adapters/storage/object-store.ts");
  const { projectId, bucket, inboxBucket, endpoints } = requireGoogle(configuration);
  return new CloudObjectStore({
    projectId,
    ...(endpoints.storage !== undefined && { apiEndpoint: endpoints.storage }),
    buckets: {
      inbox: { bucket: inboxBucket },
      ...bucketsByName((name) => ({ bucket, prefix: `${name}/` })),
    },
  });
}

export function openFolders({ data, inbox }: Configuration): FolderObjectStore {
  return new FolderObjectStore({
    buckets: { inbox: inbox.folder, ...bucketsByName((name) => `${data}/${name}`) },
  });
}

function bucketsByName<Location>(locate: (name: string) => Location): Readonly<Record<string, Location>> {
  return Object.fromEntries(Object.values(ownBuckets).map((name) => [name, locate(name)]));
}

/** Identifies a deployment among those of its project, whose batches may have the same ids. */
export function deploymentId({ projectId, prefix, databaseId, dataset }: GoogleConfiguration): string {
  return `${projectId}/${prefix}/${databaseId}/${dataset}`;
}

/** The configuration of Google Cloud, which `readConfiguration` has checked. */
export function requireGoogle({ google }: Configuration): GoogleConfiguration {
  if (!google) throw new BatonError("CONFIGURATION_INVALID", "Google Cloud is not configured");
  return google;
}

/** The settings of services that run work for tasks. */
interface RemoteSettings {
  readonly dataform?: DataformOptions;
  readonly powerBi?: PowerBiOptions | undefined;
}

/** Loaded at its first request, since most processes make none. */
export function httpClient({ allowPrivateAddresses }: Configuration): HttpClient {
  const open = memoize(async () => {
    const { GuardedHttpClient } = await import("../adapters/http/http-client.ts");
    return new GuardedHttpClient({ allowPrivate: allowPrivateAddresses });
  });
  return lazy<HttpClient>({ request: true }, open);
}

/** Clients that are loaded at their first call. A service that is not configured throws `SERVICE_NOT_CONFIGURED`. */
export function remoteServices({
  dataform,
  powerBi,
}: Pick<Configuration, "data"> & RemoteSettings): Pick<Services, "dataform" | "powerBi"> {
  return {
    dataform: new DataformService(dataform),
    powerBi: powerBi ? new PowerBiService(powerBi) : unconfiguredPowerBi,
  };
}

const throwUnconfigured = async (): Promise<never> => {
  throw new BatonError(
    "SERVICE_NOT_CONFIGURED",
    `Power BI is not configured: set ${powerBiRequirements.join(", ")}`,
  );
};

const unconfiguredPowerBi: PowerBi = {
  refreshes: throwUnconfigured,
  start: throwUnconfigured,
  cancel: throwUnconfigured,
};

/** Calls `create` once; every call returns its result. */
function memoize<T>(create: () => Promise<T>): () => Promise<T> {
  let created: Promise<T> | undefined;
  return () => {
    created ??= create();
    return created;
  };
}

/** All method names of a port. The compiler reports a missing one. */
type Methods<Port> = { readonly [Name in keyof Port]: true };

type AsyncMethods = Readonly<Record<string, (...parameters: unknown[]) => Promise<unknown>>>;

/** A port whose adapter is loaded at its first call, so that a new instance loads only what its first message needs. */
function lazy<Port extends object>(methods: Methods<Port>, open: () => Promise<Port>): Port;
function lazy(methods: Readonly<Record<string, true>>, open: () => Promise<AsyncMethods>): AsyncMethods {
  const names = Object.keys(methods);
  return Object.fromEntries(
    names.map((name) => [name, async (...parameters: unknown[]) => (await open())[name]?.(...parameters)]),
  );
}
