import { googleRest } from "../adapters/remote/google-rest.ts";
import type { Configuration } from "../configuration/configuration.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import { permissions } from "../configuration/google-requirements.ts";
import { GoogleApiError, type GoogleRest } from "../ports/http.ts";
import type { DataformAccounts } from "../tasks/dataform.ts";
import { bigQueryGroups } from "./bigquery.ts";
import { type CheckGroup, judge } from "./check.ts";
import { cloudTasksGroups } from "./cloud-tasks.ts";
import { firestoreGroups } from "./firestore.ts";
import { actAsGroup, type Caller, type CloudContext, type GoogleServices } from "./google.ts";
import { pubSubGroups } from "./pubsub.ts";
import { schedulerGroup } from "./scheduler.ts";
import { storageGroups } from "./storage.ts";

/** Servers that take the place of Google's services, where no variable names them. */
export interface CheckEndpoints {
  readonly firestore?: string;
  readonly scheduler?: string;
  readonly resourceManager?: string;
  readonly iam?: string;
}

export interface CloudChecksOptions {
  readonly configuration: Configuration;
  readonly google: GoogleConfiguration;
  readonly caller: Caller;
  readonly queues: readonly string[];
  /** The accounts that the tasks of Dataform run as. */
  readonly dataform: DataformAccounts;
  /** Local servers take the place of Google's: services that have none are not asked. */
  readonly isLocal: boolean;
  readonly firestoreHost: string | undefined;
  readonly endpoints: CheckEndpoints;
}

/** The checks of all that is Google's. */
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

function openServices({ google, isLocal, firestoreHost, endpoints }: CloudChecksOptions): GoogleServices {
  const open = (name: string, endpoint: string | undefined) => {
    const service = `https://${name}.googleapis.com`;
    return googleRest({ service, endpoint: endpoint === service ? undefined : endpoint });
  };
  const openUnlessLocal = (name: string, endpoint: string | undefined) =>
    endpoint === undefined && isLocal ? notOffered(name) : open(name, endpoint);
  const at = (host: string | undefined) => (host === undefined ? undefined : `http://${host}`);
  return {
    firestore: open("firestore", endpoints.firestore ?? at(firestoreHost)),
    pubSub: open("pubsub", google.endpoints.pubSub),
    cloudTasks: open("cloudtasks", at(google.endpoints.cloudTasksHost)),
    storage: open("storage", google.endpoints.storage),
    bigQuery: open("bigquery", google.endpoints.bigQuery),
    scheduler: openUnlessLocal("cloudscheduler", endpoints.scheduler),
    resourceManager: openUnlessLocal("cloudresourcemanager", endpoints.resourceManager),
    iam: openUnlessLocal("iam", endpoints.iam),
  };
}

function notOffered(name: string): GoogleRest {
  return {
    async call() {
      throw new GoogleApiError(501, `No local server takes the place of ${name}.googleapis.com`);
    },
  };
}

/**
 * Whether Baton may act as the accounts that Dataform's actions run as: Dataform refuses every invocation of a caller that
 * may not. Accounts of repositories and workflow configurations are known only from BATON_DATAFORM_ACCOUNTS.
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
  const unknownAccounts = judge(id, {
    subject,
    holds: false,
    found: "no account is named",
    expected: "an account that the actions run as, which Baton may act as",
    otherwise: "warning",
    remedy:
      "Give the tasks serviceAccount, or name the accounts of their repositories in BATON_DATAFORM_ACCOUNTS, and deploy: Dataform runs nothing for a caller that may not act as them.",
  });
  return [...groups, { id, subject, run: () => [unknownAccounts] }];
}
