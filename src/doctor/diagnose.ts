import { createLogger } from "../adapters/pino/logger.ts";
import { GoogleCredentials } from "../adapters/remote/google-credentials.ts";
import type { Configuration } from "../configuration/configuration.ts";
import { localServerVariables } from "../configuration/environment.ts";
import type { GoogleConfiguration } from "../configuration/google-configuration.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorCode, errorMessage } from "../core/errors/errors.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import { type CheckGroup, type CheckResult, checkResult, deployCommand, unknownResult } from "./check.ts";
import type { CheckEndpoints } from "./cloud-groups.ts";
import { checkConfiguration } from "./configuration-check.ts";
import { flagTexts, gcloud } from "./google.ts";
import { localGroups, nodeGroup } from "./local.ts";
import { checkWorkflowFiles, type WorkflowNeeds, workflowNeeds } from "./workflow-checks.ts";

export interface RunOptions {
  /** How long a group may take. */
  readonly timeoutMs: number;
  readonly projectId: string | undefined;
  /** Local servers replace Google's services. */
  readonly isLocal: boolean;
}

/** Runs all groups at the same time. A group that fails does not affect the others. */
export async function runChecks(
  groups: readonly CheckGroup[],
  options: RunOptions,
): Promise<readonly CheckResult[]> {
  return (await Promise.all(groups.map((group) => runGroup(group, options)))).flat();
}

class TimeoutError extends Error {}

async function runGroup(group: CheckGroup, options: RunOptions): Promise<readonly CheckResult[]> {
  const aborter = new AbortController();
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    timeout.reject(new TimeoutError(`No answer came within ${options.timeoutMs / 1_000} s`));
    aborter.abort();
  }, options.timeoutMs);
  try {
    return await Promise.race([group.run(aborter.signal), timeout.promise]);
  } catch (thrown) {
    return [explain(group, thrown, options)];
  } finally {
    clearTimeout(timer);
  }
}

/** The result of a group that failed. */
function explain(
  { id, subject, service }: CheckGroup,
  thrown: unknown,
  { isLocal, projectId = "" }: RunOptions,
): CheckResult {
  const message = errorMessage(thrown);
  const code = errorCode(thrown);
  const failed = (remedy: string) => unknownResult(id, subject, message, remedy);
  if (isLocal && (code === 0 || code === 404 || code === 501)) {
    const remedy = "Nothing: it is checked where Google's own services are used.";
    return unknownResult(id, subject, `The local server does not offer this: ${message}`, remedy);
  }
  // Every service of Google uses these words.
  if (service && /SERVICE_DISABLED|has not been used in project .* before or it is disabled/.test(message))
    return checkResult(id, subject, {
      holds: false,
      found: `${service} is not enabled in the project`,
      expected: "it is enabled",
      remedy: "Enable it; that takes a minute or two.",
      commands: [gcloud("services enable", [service], { project: projectId })],
    });
  if (code === 401 || /default credentials/i.test(message)) return failed("Fix google.credentials first.");
  if (code === 403 || code === "WAREHOUSE_DENIED")
    return failed("Run this with an account that may look at it, for example one with roles/viewer.");
  if (thrown instanceof BatonError) return failed(thrown.remedy);
  if (thrown instanceof TimeoutError) return failed("Check whether the service can be reached.");
  return failed("Run it again; the message says what the service answered.");
}

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

/** Checks everything that a deployment needs, and changes nothing. */
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
  const all = [...before, ...workflows.results, ...credentials.results, ...found];
  return { results: google ? all.map((result) => withFlags(result, google)) : all, isConfigured: true };
}

/** Resources created by hand are not in Terraform's state, and would fail the next deployment. */
function withFlags(result: CheckResult, { projectId, location, prefix }: GoogleConfiguration): CheckResult {
  if (result.deployCommand === null) return result;
  const flags = flagTexts({ project: projectId, region: location || "<region>", prefix });
  return { ...result, deployCommand: [deployCommand, ...flags].join(" ") };
}

interface CheckedCredentials {
  readonly results: readonly CheckResult[];
  readonly areUsable: boolean;
  readonly account?: string | undefined;
}

/** Whether a token can be obtained, and for which account. */
async function checkCredentials(
  { google }: Configuration,
  isLocal: boolean,
  run: Run,
): Promise<CheckedCredentials> {
  if (!google) return { results: [], areUsable: false };
  const id = "google.credentials";
  const subject = "application default credentials";
  if (isLocal) {
    const none = unknownResult(id, subject, "Local servers need no credentials", "Nothing.");
    return { results: [none], areUsable: true };
  }
  let account: string | undefined;
  const check = (holds: boolean, found: string) =>
    checkResult(id, subject, {
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
        account = await new GoogleCredentials().account();
        return [check(true, account ?? "of an account that they do not name")];
      } catch (error) {
        return [check(false, errorMessage(error))];
      }
    },
  });
  return { results, areUsable: results.every(({ status }) => status === "ok"), account };
}

function withoutCredentials(group: CheckGroup): CheckGroup {
  const why = unknownResult(
    group.id,
    group.subject,
    "There are no credentials",
    "Fix google.credentials first.",
  );
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
