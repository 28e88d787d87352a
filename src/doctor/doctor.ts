import { createLogger } from "../adapters/pino/logger.ts";
import { Credentials } from "../adapters/remote/google-credentials.ts";
import type { Configuration } from "../composition/configuration.ts";
import { localServerVariables } from "../composition/environment.ts";
import type { RawEnvironment } from "../composition/variable-problems.ts";
import { messageOf } from "../core/errors.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type CheckGroup, type CheckResult, judge, unknown } from "./check.ts";
import type { CheckEndpoints } from "./cloud-groups.ts";
import { checkConfiguration } from "./configuration-check.ts";
import { localGroups, nodeGroup } from "./local.ts";
import { runChecks } from "./run-checks.ts";
import { checkWorkflowFiles, type WorkflowNeeds, workflowNeeds } from "./workflows.ts";

export interface DoctorOptions {
  /** How long a group of checks may take. Default: 20,000. */
  readonly timeoutMs?: number;
  readonly endpoints?: CheckEndpoints;
}

export interface Diagnosis {
  readonly results: readonly CheckResult[];
  /** False if the variables are too wrong for most checks. */
  readonly isConfigured: boolean;
}

type Run = (...groups: readonly CheckGroup[]) => Promise<readonly CheckResult[]>;

/** Checks all that a deployment needs, at the same time, and changes nothing. */
export async function diagnose(environment: RawEnvironment, options: DoctorOptions = {}): Promise<Diagnosis> {
  const { timeoutMs = 20_000, endpoints = {} } = options;
  const { results, configuration } = await checkConfiguration(environment);
  const isLocal = localServerVariables.some((variable) => environment[variable]);
  const projectId = configuration?.google?.projectId;
  const run: Run = (...groups) => runChecks(groups, { timeoutMs, isLocal, projectId });
  const before = [...(await run(nodeGroup())), ...results];
  if (!configuration) return { results: before, isConfigured: false };
  const { google } = configuration;
  const credentials = await checkCredentials(configuration, isLocal, run);
  const workflows = await checkWorkflows(configuration, credentials.areUsable, run);
  const local = configuration.engine === "embedded" ? localGroups(configuration) : [];
  const cloud = google
    ? (await import("./cloud-groups.ts")).cloudGroups({
        configuration,
        google,
        caller: { account: credentials.account, expected: google.serviceAccount },
        ...workflows.needs,
        isLocal,
        firestoreHost: environment.FIRESTORE_EMULATOR_HOST,
        endpoints,
      })
    : [];
  const found = await run(...local, ...(credentials.areUsable ? cloud : cloud.map(withoutCredentials)));
  return { results: [...before, ...workflows.results, ...credentials.results, ...found], isConfigured: true };
}

interface CheckedCredentials {
  readonly results: readonly CheckResult[];
  readonly areUsable: boolean;
  readonly account?: string | undefined;
}

/** Whether a token can be had, and of which account. */
async function checkCredentials(
  { google }: Configuration,
  isLocal: boolean,
  run: Run,
): Promise<CheckedCredentials> {
  if (!google) return { results: [], areUsable: false };
  const id = "google.credentials";
  const subject = "application default credentials";
  if (isLocal) {
    const none = unknown(id, subject, "Local servers take no credentials", "Nothing: they need none.");
    return { results: [none], areUsable: true };
  }
  let account: string | undefined;
  const check = (holds: boolean, found: string) =>
    judge(id, {
      subject,
      holds,
      found,
      expected: `credentials of ${google.serviceAccount ?? "an account that may look at the project"}`,
      remedy: "Log in, or set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials.",
      commands: ["gcloud auth application-default login"],
    });
  const results = await run({
    id,
    subject,
    async run() {
      try {
        account = await new Credentials().account();
        return [check(true, account ?? "of an account that they do not name")];
      } catch (error) {
        return [check(false, messageOf(error))];
      }
    },
  });
  return { results, areUsable: results.every(({ status }) => status === "ok"), account };
}

function withoutCredentials(group: CheckGroup): CheckGroup {
  const why = unknown(group.id, group.subject, "There are no credentials", "Fix google.credentials first.");
  return { ...group, run: () => [why] };
}

/** These come first: workflows name queues, and queues have topics. */
async function checkWorkflows(configuration: Configuration, readsDatabase: boolean, run: Run) {
  const folder = new FolderCatalog({ folder: configuration.workflows, taskTypes: builtInTaskTypes });
  let needs: WorkflowNeeds = workflowNeeds(await folder.all().catch(() => []));
  const results = await run({
    id: "workflows.valid",
    subject: configuration.workflows,
    async run() {
      // If the database does not answer in time, the needs of the folder stay.
      const checked = await withAppliedWorkflows(configuration, readsDatabase, (applied) =>
        checkWorkflowFiles(configuration.taskSecrets, folder, applied),
      );
      needs = checked.needs;
      return checked.results;
    },
  });
  return { results, needs };
}

/** The embedded engine is not opened: that would create its database. */
async function withAppliedWorkflows<T>(
  configuration: Configuration,
  readsDatabase: boolean,
  use: (applied: FolderCatalog | undefined) => Promise<T>,
): Promise<T> {
  if (configuration.engine !== "gcp" || !readsDatabase) return use(undefined);
  const { openCloud } = await import("../composition/cloud.ts");
  const app = openCloud({ configuration, logger: createLogger("silent") });
  try {
    return await use(app.folder);
  } finally {
    await app.close().catch(() => {});
  }
}
