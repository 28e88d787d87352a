import { googleRest } from "../adapters/remote/google-rest.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { permissions } from "../configuration/google-requirements.ts";
import { GoogleApiError, type GoogleRest } from "../ports/http.ts";
import type { DataformAccounts } from "../tasks/dataform.ts";
import { bigQueryGroups } from "./bigquery.ts";
import { type CheckGroup, checkResult } from "./check.ts";
import { cloudTasksGroups } from "./cloud-tasks.ts";
import { firestoreGroups } from "./firestore.ts";
import { actAsGroup, type Caller, type CloudContext, type ServiceName, serviceHosts } from "./google.ts";
import { pubSubGroups } from "./pubsub.ts";
import { schedulerGroup } from "./scheduler.ts";
import { storageGroups } from "./storage.ts";

/** Servers in place of Google's services that no variable names. */
export type CheckEndpoints = Partial<Record<"firestore" | "scheduler" | "resourceManager" | "iam", string>>;

export interface CloudChecksOptions {
  readonly configuration: Configuration;
  readonly google: GoogleConfiguration;
  readonly caller: Caller;
  readonly queues: readonly string[];
  /** The accounts that the tasks of Dataform run as. */
  readonly dataform: DataformAccounts;
  /** Local servers replace Google's services: one without a local server is not asked. */
  readonly isLocal: boolean;
  readonly firestoreHost: string | undefined;
  readonly endpoints: CheckEndpoints;
}

/** The checks of Google's services that the configuration uses. */
export function cloudGroups(options: CloudChecksOptions): CheckGroup[] {
  const { configuration, google, caller, queues, dataform } = options;
  const context: CloudContext = { configuration, google, caller, services: openServices(options) };
  return [
    ...(configuration.engine === "gcp"
      ? [
          ...firestoreGroups(context),
          ...pubSubGroups(context, queues),
          ...cloudTasksGroups(context),
          schedulerGroup(context),
        ]
      : []),
    ...(configuration.objects === "storage" ? storageGroups(context) : []),
    ...(configuration.warehouse === "bigquery" ? bigQueryGroups(context) : []),
    ...dataformGroups(context, dataform),
  ];
}

function openServices(options: CloudChecksOptions): CloudContext["services"] {
  const { google, isLocal, firestoreHost, endpoints } = options;
  const url = (host: string | undefined) => (host === undefined ? undefined : `http://${host}`);
  const open = (name: ServiceName, endpoint: string | undefined) => {
    const service = `https://${serviceHosts[name]}`;
    return googleRest({ service, endpoint: endpoint === service ? undefined : endpoint });
  };
  const openUnlessLocal = (name: keyof CheckEndpoints) =>
    endpoints[name] === undefined && isLocal ? notOffered(name) : open(name, endpoints[name]);
  return {
    firestore: open("firestore", endpoints.firestore ?? url(firestoreHost)),
    pubSub: open("pubSub", google.endpoints.pubSub),
    cloudTasks: open("cloudTasks", url(google.endpoints.cloudTasksHost)),
    storage: open("storage", google.endpoints.storage),
    bigQuery: open("bigQuery", google.endpoints.bigQuery),
    scheduler: openUnlessLocal("scheduler"),
    resourceManager: openUnlessLocal("resourceManager"),
    iam: openUnlessLocal("iam"),
  };
}

function notOffered(name: ServiceName): GoogleRest {
  return {
    async call() {
      throw new GoogleApiError(501, `No local server replaces ${serviceHosts[name]}`);
    },
  };
}

/**
 * Whether Baton may act as the accounts that Dataform's actions run as: otherwise Dataform refuses every invocation.
 * Only BATON_DATAFORM_ACCOUNTS names the accounts of repositories and workflow configurations.
 */
function dataformGroups(context: CloudContext, { named, unnamed }: DataformAccounts): CheckGroup[] {
  const id = "dataform.account";
  const { accounts } = context.configuration.dataform;
  const groups = [...new Set([...named, ...accounts])].map((account) =>
    actAsGroup(context, id, {
      account,
      variable: accounts.includes(account) ? "BATON_DATAFORM_ACCOUNTS" : "the dataform task",
      set: permissions.dataformAccount,
    }),
  );
  if (unnamed.length === 0 || accounts.length > 0) return groups;
  const subject = unnamed.join(", ");
  const noAccount = checkResult(id, subject, {
    holds: false,
    found: "no account is named",
    expected: "an account that the actions run as, which Baton may act as",
    severity: "warning",
    remedy:
      "Give the tasks serviceAccount, or name the accounts in BATON_DATAFORM_ACCOUNTS and deploy, so that Baton may act as them.",
  });
  return [...groups, { id, subject, run: () => [noAccount] }];
}
