import { BigQueryChecks } from "../adapters/bigquery/checks.ts";
import { CloudSchedulerChecks } from "../adapters/cloud-scheduler/checks.ts";
import { CloudTasksChecks } from "../adapters/cloud-tasks/checks.ts";
import { FirestoreChecks } from "../adapters/firestore/checks.ts";
import { IamChecks } from "../adapters/google-iam/checks.ts";
import { PubSubChecks } from "../adapters/pubsub/checks.ts";
import { googleRest } from "../adapters/remote/google-rest.ts";
import { StorageChecks } from "../adapters/storage/checks.ts";
import { taskQueueOf } from "../core/topics.ts";
import { GoogleRefusal, type GoogleRest } from "../ports/google-rest.ts";
import type { DataformAccounts } from "../tasks/dataform-accounts.ts";
import { bigQueryGroups } from "./bigquery.ts";
import type { CheckGroup } from "./check.ts";
import { timerGroups } from "./cloud-tasks.ts";
import { noBucket } from "./configuration-check.ts";
import type { CloudContext } from "./context.ts";
import { dataformGroups } from "./dataform.ts";
import { documentPermissionGroup } from "./document-permissions.ts";
import { databaseGroup } from "./firestore-database.ts";
import { fieldsGroup } from "./firestore-fields.ts";
import { limitedQueueGroups } from "./limited-queues.ts";
import { pubSubGroups } from "./pubsub.ts";
import { schedulerGroup } from "./scheduler.ts";
import { storageGroups } from "./storage.ts";

/** In the place of Google's services that have no variable for it. */
export interface CheckEndpoints {
  readonly scheduler?: string;
  readonly resourceManager?: string;
  readonly iam?: string;
}

export interface CloudChecksOptions {
  readonly context: CloudContext;
  readonly queues: readonly string[];
  /** Whom the tasks of Dataform run as. */
  readonly dataform: DataformAccounts;
  /** Local servers are in the place of Google's: then nothing is asked of Google itself. */
  readonly isLocal: boolean;
  readonly firestoreHost: string | undefined;
  readonly endpoints: CheckEndpoints;
}

/** The checks of everything that is Google's; `close` when they are done. */
export function cloudChecks(options: CloudChecksOptions): {
  readonly groups: readonly CheckGroup[];
  close(): Promise<void>;
} {
  const { context } = options;
  const { configuration, google } = context;
  const rest = (service: string, endpoint: string | undefined) => restOf(service, endpoint, options.isLocal);
  const accounts = new IamChecks(google.projectId, {
    resourceManager: rest("https://cloudresourcemanager.googleapis.com", options.endpoints.resourceManager),
    iam: rest("https://iam.googleapis.com", options.endpoints.iam),
  });
  const engine =
    configuration.engine === "gcp"
      ? engineChecks(options, accounts, rest)
      : { groups: [], close: async () => {} };
  const groups = [
    ...engine.groups,
    ...(configuration.objects === "storage" ? bucketGroups(context) : []),
    ...(configuration.warehouse === "bigquery" ? warehouseGroups(context, accounts) : []),
    ...dataformGroups(context, options.dataform, accounts),
  ];
  return { groups, close: engine.close };
}

function engineChecks(
  { context, queues, firestoreHost, endpoints }: CloudChecksOptions,
  accounts: IamChecks,
  rest: (service: string, endpoint: string | undefined) => GoogleRest,
) {
  const { projectId, location, prefix, databaseId } = context.google;
  const database = new FirestoreChecks({ projectId, databaseId, emulatorHost: firestoreHost });
  const broker = new PubSubChecks(projectId);
  const emulatorHost = context.google.endpoints.cloudTasksHost;
  const queueChecks = (queue: string) => new CloudTasksChecks({ projectId, location, queue, emulatorHost });
  const timer = queueChecks(`${prefix}-timers`);
  const limited = [...context.configuration.queues].map(([queue, settings]) => {
    return { queue, settings, checks: queueChecks(taskQueueOf(prefix, queue)) };
  });
  const scheduler = rest("https://cloudscheduler.googleapis.com", endpoints.scheduler);
  return {
    groups: [
      databaseGroup(context, database),
      fieldsGroup(context, database),
      documentPermissionGroup(context, database, accounts),
      ...pubSubGroups(context, broker, queues),
      ...timerGroups(context, timer, accounts),
      ...limitedQueueGroups(context, limited, accounts),
      schedulerGroup(context, new CloudSchedulerChecks(scheduler, { projectId, location })),
    ],
    async close() {
      const queues = [timer, ...limited.map(({ checks }) => checks)];
      await Promise.allSettled([database, broker, ...queues].map((checks) => checks.close()));
    },
  };
}

function bucketGroups(context: CloudContext): CheckGroup[] {
  const { projectId, bucket, inboxBucket, endpoints } = context.google;
  const apiEndpoint = endpoints.storage;
  const checks = new StorageChecks({ projectId, ...(apiEndpoint !== undefined && { apiEndpoint }) });
  const named = [...new Set([bucket, inboxBucket])].filter((name) => name !== noBucket);
  return storageGroups(context, checks, named);
}

function warehouseGroups(context: CloudContext, accounts: IamChecks): CheckGroup[] {
  const { projectId, dataset, bigQueryLocation, endpoints } = context.google;
  const options = { projectId, dataset, location: bigQueryLocation, apiEndpoint: endpoints.bigQuery };
  return bigQueryGroups(context, new BigQueryChecks(options), accounts);
}

function restOf(service: string, endpoint: string | undefined, isLocal: boolean): GoogleRest {
  if (endpoint !== undefined || !isLocal) return googleRest({ service, endpoint });
  return {
    async call() {
      throw new GoogleRefusal(501, `There is none in the place of ${service}`);
    },
  };
}
