import { createLogger } from "../adapters/pino/logger.ts";
import { GoogleCredentials } from "../adapters/remote/google-credentials.ts";
import { googleRest } from "../adapters/remote/google-rest.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { localServerVariables } from "../configuration/environment.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { errorMessage } from "../core/errors/errors.ts";
import { GoogleApiError } from "../ports/http.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import {
  type CheckGroup,
  type CheckResult,
  deployCommand,
  flagTexts,
  runChecks,
  singleCheck,
  unknownResult,
} from "./check.ts";
import {
  checkConfiguration,
  checkWorkflowFiles,
  localGroups,
  nodeGroup,
  type WorkflowNeeds,
  workflowNeeds,
} from "./configuration.ts";
import { bigQueryGroups, dataformGroups, storageGroups } from "./data-services.ts";
import { firestoreGroups } from "./firestore.ts";
import { type CloudContext, type ServiceName, serviceHosts } from "./google.ts";
import { pubSubGroups } from "./pubsub.ts";
import { cloudTasksGroups, schedulerGroup } from "./timers.ts";

export interface DoctorOptions {
  /** How long a group of checks may take. Default: 20,000. */
  readonly timeoutMs?: number;
  /** Servers in place of Google's services that no variable names. */
  readonly endpoints?: Partial<
    Record<"firestore" | "scheduler" | "resourceManager" | "iam", string | undefined>
  >;
}

type Run = (...groups: readonly CheckGroup[]) => Promise<readonly CheckResult[]>;

/**
 * Checks everything that a deployment needs, and changes nothing. `isConfigured` is false if the variables are too
 * wrong for most checks.
 */
export async function diagnose(environment: RawEnvironment, options: DoctorOptions = {}) {
  const { timeoutMs = 20_000, endpoints = {} } = options;
  const { results, configuration } = await checkConfiguration(environment);
  const google = configuration?.google;
  // Then a service of Google's without a local server is not asked.
  const isLocal = localServerVariables.some((variable) => environment[variable]);
  const run: Run = (...groups) => runChecks(groups, { timeoutMs, isLocal, projectId: google?.projectId });
  const before = [...(await run(nodeGroup())), ...results];
  if (!configuration) return { results: before, isConfigured: false };
  const credentials = await checkCredentials(google, isLocal, run);
  const workflows = await checkWorkflows(configuration, credentials.areUsable, run);
  const caller = { account: credentials.account, expected: google?.serviceAccount };
  const firestore = endpoints.firestore ?? localUrl(environment.FIRESTORE_EMULATOR_HOST);
  const services = google && openServices(google, isLocal, { ...endpoints, firestore });
  const cloud = services ? cloudGroups({ configuration, google, caller, services }, workflows.needs) : [];
  const found = await run(
    ...(configuration.engine === "embedded" ? localGroups(configuration) : []),
    ...(credentials.areUsable ? cloud : cloud.map(withoutCredentials)),
  );
  const all = [...before, ...workflows.results, ...credentials.results, ...found];
  return { results: google ? all.map((result) => withFlags(result, google)) : all, isConfigured: true };
}

/** Resources created by hand are not in Terraform's state, and would fail the next deployment. */
function withFlags(result: CheckResult, { projectId, location, prefix }: GoogleConfiguration): CheckResult {
  if (result.deployCommand === null) return result;
  const flags = flagTexts({ project: projectId, region: location || "<region>", prefix });
  return { ...result, deployCommand: [deployCommand, ...flags].join(" ") };
}

/** Whether a token can be obtained, and for which account. */
async function checkCredentials(google: GoogleConfiguration | undefined, isLocal: boolean, run: Run) {
  let account: string | undefined;
  if (!google) return { results: [], areUsable: false, account };
  const id = "google.credentials";
  const subject = "application default credentials";
  if (isLocal) {
    const none = unknownResult(id, subject, "Local servers need no credentials", "Nothing.");
    return { results: [none], areUsable: true, account };
  }
  const group = singleCheck(id, subject, async () => {
    const problem = await new GoogleCredentials().account().then((found) => {
      account = found;
      return undefined;
    }, errorMessage);
    return {
      holds: problem === undefined,
      found: problem ?? account ?? "of an account that they do not name",
      expected: `credentials of ${google.serviceAccount ?? "an account that may look at the project"}`,
      remedy: "Log in, or set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials.",
      commands: ["gcloud auth application-default login"],
    };
  });
  const results = await run(group);
  return { results, areUsable: results.every(({ status }) => status === "ok"), account };
}

function withoutCredentials(group: CheckGroup): CheckGroup {
  const { id, subject } = group;
  const why = unknownResult(id, subject, "There are no credentials", "Fix google.credentials first.");
  return { ...group, run: () => [why] };
}

/** Workflows are checked first: they name queues, whose topics are checked then. */
async function checkWorkflows(configuration: Configuration, readsDatabase: boolean, run: Run) {
  const folder = new FolderCatalog({ folder: configuration.workflows, taskTypes: builtInTaskTypes });
  let needs: WorkflowNeeds = workflowNeeds(await folder.all().catch(() => []));
  const results = await run({
    id: "workflows.valid",
    subject: configuration.workflows,
    async run() {
      // If the database does not answer in time, only the needs of the folder are known.
      const checked = await withAppliedWorkflows(configuration, readsDatabase, (applied) =>
        checkWorkflowFiles(configuration.taskSecrets, folder, applied),
      );
      needs = checked.needs;
      return checked.results;
    },
  });
  return { results, needs };
}

/** Does not open the embedded engine: that would create its database. */
async function withAppliedWorkflows<T>(
  configuration: Configuration,
  readsDatabase: boolean,
  use: (applied: FolderCatalog | undefined) => Promise<T>,
): Promise<T> {
  if (configuration.engine !== "gcp" || !readsDatabase) return use(undefined);
  const { openCloud } = await import("../app/cloud.ts");
  const app = openCloud({ configuration, logger: createLogger("silent") });
  try {
    return await use(app.folder);
  } finally {
    await app.close().catch(() => {});
  }
}

/** The checks of Google's services that the configuration uses. */
function cloudGroups(context: CloudContext, { queues, dataform }: WorkflowNeeds): CheckGroup[] {
  const { engine, objects, warehouse } = context.configuration;
  const isCloud = engine === "gcp";
  return [
    ...(isCloud ? firestoreGroups(context) : []),
    ...(isCloud ? pubSubGroups(context, queues) : []),
    ...(isCloud ? cloudTasksGroups(context) : []),
    ...(isCloud ? [schedulerGroup(context)] : []),
    ...(objects === "storage" ? storageGroups(context) : []),
    ...(warehouse === "bigquery" ? bigQueryGroups(context) : []),
    ...dataformGroups(context, dataform),
  ];
}

function openServices(
  { endpoints }: GoogleConfiguration,
  isLocal: boolean,
  others: NonNullable<DoctorOptions["endpoints"]>,
): CloudContext["services"] {
  const open = (name: ServiceName, endpoint: string | undefined) => {
    const service = `https://${serviceHosts[name]}`;
    return googleRest({ service, endpoint: endpoint === service ? undefined : endpoint });
  };
  const message = "No local server replaces";
  const call = (name: ServiceName) => () =>
    Promise.reject(new GoogleApiError(501, `${message} ${serviceHosts[name]}`));
  const openUnlessLocal = (name: "scheduler" | "resourceManager" | "iam") =>
    others[name] === undefined && isLocal ? { call: call(name) } : open(name, others[name]);
  return {
    firestore: open("firestore", others.firestore),
    pubSub: open("pubSub", endpoints.pubSub),
    cloudTasks: open("cloudTasks", localUrl(endpoints.cloudTasksHost)),
    storage: open("storage", endpoints.storage),
    bigQuery: open("bigQuery", endpoints.bigQuery),
    scheduler: openUnlessLocal("scheduler"),
    resourceManager: openUnlessLocal("resourceManager"),
    iam: openUnlessLocal("iam"),
  };
}

function localUrl(host: string | undefined): string | undefined {
  return host === undefined ? undefined : `http://${host}`;
}
